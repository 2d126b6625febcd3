import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Oid, parseOid } from '../model/oid.ts';
import { writeFileAtomic } from '../platform/atomic-file.ts';

/** What the next start wants to know. Kept in the repository; when it is lost, everything is only looked at again. */
export interface RepositoryState {
  /** Commit of the last publish. */
  readonly oid: Oid | undefined;
  readonly ref: string | undefined;
  /** The link that was published, to remove it when `--link` changes. */
  readonly link: string | undefined;
  /** `--depth` and `--filter` of the last fetch: a change needs another one. */
  readonly depth: number | undefined;
  readonly filter: string | undefined;
  /** What `--repo` names. */
  readonly url: string | undefined;
  /** Where git fetches from, when that is another place (a relay). */
  readonly origin: string | undefined;
}

export const EMPTY_STATE: RepositoryState = {
  oid: undefined,
  ref: undefined,
  link: undefined,
  depth: undefined,
  filter: undefined,
  url: undefined,
  origin: undefined,
};

const FILE = 'state.json';

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The saved state; empty when there is none or it cannot be understood. */
export async function readState(stateDir: string): Promise<RepositoryState> {
  try {
    const saved = JSON.parse(await readFile(join(stateDir, FILE), 'utf8')) as Record<string, unknown>;
    return {
      oid: parseOid(textOf(saved.oid) ?? ''),
      ref: textOf(saved.ref),
      link: textOf(saved.link),
      depth: numberOf(saved.depth),
      filter: textOf(saved.filter),
      url: textOf(saved.url),
      origin: textOf(saved.origin),
    };
  } catch {
    return EMPTY_STATE;
  }
}

export async function writeState(stateDir: string, state: RepositoryState): Promise<void> {
  await writeFileAtomic(join(stateDir, FILE), `${JSON.stringify(state)}\n`);
}
