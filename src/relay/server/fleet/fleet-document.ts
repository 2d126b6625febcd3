import { visibleJson } from '../../../platform/visible-text.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { RefusedDocument } from '../mirror/refused-document.ts';
import { describeMember, type InstanceDocument, type Member } from './member.ts';
import type { RolloutDocument } from './rollout.ts';

/** What `GET /fleet` answers. Times are ISO 8601, durations milliseconds. */
export interface FleetDocument {
  readonly at: string;
  readonly repositories: readonly RepositoryDocument[];
  /** What to give as `after` for the next page; null: this is the last one. */
  readonly next: string | null;
}

interface RepositoryDocument {
  readonly repository: RepositoryName;
  /** When the git server last confirmed the refs; null: never. */
  readonly asOf: string | null;
  readonly connected: number;
  readonly behind: number;
  readonly instances: readonly InstanceDocument[];
  /** The newest first. */
  readonly rollouts: readonly RolloutDocument[];
  /** Only while there are some. */
  readonly refused?: readonly RefusedDocument[];
}

/** A repository as the document needs it; each part is computed when it is asked for. */
export interface RepositoryView {
  readonly repository: RepositoryName;
  /** Milliseconds since the epoch; undefined: never. */
  readonly asOf: number | undefined;
  readonly counts: () => { readonly connected: number; readonly behind: number };
  /** In the order of their numbers. */
  readonly members: () => Member[];
  readonly rollouts: () => RolloutDocument[];
  readonly refused: () => readonly RefusedDocument[];
}

/** The member behind which a page begins. */
export interface Cursor {
  readonly repository: string;
  readonly number: number;
}

export interface FleetPage {
  /** So many instances, at least one. */
  readonly limit?: number;
  readonly after?: Cursor;
}

function writeCursor({ repository, number }: Cursor): string {
  return Buffer.from(`${number} ${repository}`).toString('base64url');
}

/** Reads what `next` gave; undefined for anything else. */
export function readCursor(text: string): Cursor | undefined {
  const [, number, repository] = /^(-1|\d{1,15}) (\S.*)$/s.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  return number === undefined || repository === undefined ? undefined : { repository, number: Number(number) };
}

const iso = (ms: number): string => new Date(ms).toISOString();

function* writeRepository(view: RepositoryView, members: Iterable<Member>, now: number): Iterable<string> {
  const { repository, asOf } = view;
  const head = { repository, asOf: asOf === undefined ? null : iso(asOf), ...view.counts() };
  yield `${visibleJson(head).slice(0, -1)},"instances":[`;
  let separator = '';
  for (const member of members) {
    yield `${separator}${visibleJson(describeMember(member, now))}`;
    separator = ',';
  }
  const refused = view.refused();
  const more = refused.length === 0 ? '' : `,"refused":${visibleJson(refused)}`;
  yield `],"rollouts":${visibleJson(view.rollouts())}${more}}`;
}

/**
 * The JSON of a FleetDocument in pieces of at most one member, or the rollouts of one repository.
 * @param views in the order of their names
 */
export function* writeFleet(
  views: Iterable<RepositoryView>,
  now: number,
  { limit = Number.POSITIVE_INFINITY, after }: FleetPage,
): Iterable<string> {
  let left = limit;
  let next: Cursor | undefined;
  let separator = '';
  yield `{"at":${visibleJson(iso(now))},"repositories":[`;
  for (const view of views) {
    const { repository } = view;
    if (after && repository < after.repository) continue;
    if (left <= 0) {
      next = { repository, number: -1 };
      break;
    }
    const members = view.members();
    const from = after?.repository === repository ? members.findIndex(({ number }) => number > after.number) : 0;
    const shown = from < 0 ? [] : members.slice(from, from + left);
    yield separator;
    yield* writeRepository(view, shown, now);
    separator = ',';
    // A repository without instances takes room too.
    left -= Math.max(1, shown.length);
    const last = shown.at(-1);
    if (last && last !== members.at(-1)) {
      next = { repository, number: last.number };
      break;
    }
  }
  yield `],"next":${visibleJson(next ? writeCursor(next) : null)}}\n`;
}
