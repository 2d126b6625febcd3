import { SidecarError } from '../../model/error.ts';
import type { ErrorCode } from '../../model/error-codes.ts';
import { visibleText } from '../../platform/visible-text.ts';

/** Where something stands in a text; line and column begin at 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  readonly place: Place;
  readonly text: string;
}

export const START: Place = { line: 1, column: 1 };

/** So many problems are listed; the rest is counted. */
const MOST_LISTED = 20;

export function showPlace(path: string, { line, column }: Place): string {
  return `${path}:${line}:${column}`;
}

/** All that is wrong with a document. The detail has a line for each problem: `FILE:LINE:COLUMN: what`. */
export class DocumentError extends SidecarError {
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, path: string, problems: readonly Problem[]) {
    const listed = problems.slice(0, MOST_LISTED);
    const lines = listed.map(({ place, text }) => visibleText(`${showPlace(path, place)}: ${text}`));
    const more = problems.length - listed.length;
    const detail = [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
    super(code, { op: 'read the document', detail });
    this.problems = listed;
  }
}

/** Collects what is wrong, so that a person sees all of it at once. */
export class Problems {
  readonly #path: string;
  readonly #found: Problem[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  get count(): number {
    return this.#found.length;
  }

  add(place: Place, text: string): void {
    this.#found.push({ place, text });
  }

  /** @throws DocumentError with `code` when anything was found */
  throwIfAny(code: 'ERR_DOCUMENT_SYNTAX' | 'ERR_DOCUMENT_INVALID' | 'ERR_ROLLOUT_POLICY'): void {
    if (this.#found.length === 0) return;
    const byPlace = (a: Problem, b: Problem): number => a.place.line - b.place.line || a.place.column - b.place.column;
    throw new DocumentError(code, this.#path, [...this.#found].sort(byPlace));
  }
}
