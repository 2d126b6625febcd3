import type { Hint } from '../../model/hint.ts';
import type { Move, PushNotice } from './payload.ts';

export interface RefPattern {
  /** Equal ids are the same pattern. */
  readonly id: string;
  /** True for the full name of a ref that may be meant. */
  readonly covers: (ref: string) => boolean;
}

/** What a sidecar follows, as far as it matters for a notification. */
export interface Followed {
  readonly url: string;
  /** Full names of the refs that may be meant; with HEAD among them every branch may. */
  readonly refs: readonly string[];
  /** More refs that may be meant; undefined: none. */
  readonly pattern?: RefPattern | undefined;
}

/**
 * The last two parts of a repository's path: `https://h/scm/group/app.git`, `git@h:group/app` and `group/app` are all
 * `group/app`. The host is left out, because providers name the outer one and Pods often use another. A match only
 * makes us ask the remote, so a wrong one costs a request.
 */
export function repositoryKey(url: string): string {
  const path = url
    .replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '')
    .replace(/^[^/:]+@?[^/:]*:(?=[^/])/, '')
    .replace(/[?#].*$/, '')
    .replace(/\/+$/, '')
    .replace(/\.git$/, '');
  return path.split('/').filter(Boolean).slice(-2).join('/').toLowerCase();
}

/**
 * What a notification says about what is followed; a hint without a ref where it does not say what it is about.
 * @returns undefined when it is about something else
 */
export function hintsFor({ moves, repositories }: PushNotice, followed: Followed): readonly Hint[] | undefined {
  const key = repositoryKey(followed.url);
  const last = key.split('/').at(-1);
  const isRepository =
    repositories.length === 0 ||
    repositories.map(repositoryKey).some((each) => each === key || each === last || each.split('/').at(-1) === key);
  if (!isRepository) return undefined;
  if (moves.length === 0) return [{}];
  if (followed.refs.includes('HEAD')) return moves;
  const ours = moves.flatMap((move) => (followed.refs.includes(move.ref) ? [move] : matching(move, followed.pattern)));
  return ours.length > 0 ? ours : undefined;
}

/** `move` under the full name that the pattern covers; some senders leave out `refs/tags/`. */
function matching(move: Move, pattern: RefPattern | undefined): readonly Move[] {
  const names = [move.ref, `refs/tags/${move.ref}`, `refs/heads/${move.ref}`];
  return names.filter((name) => pattern?.covers(name)).map((ref) => ({ ...move, ref }));
}
