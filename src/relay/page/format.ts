/** How values are written for people. */

export function shortOid(oid: string | null | undefined): string {
  return oid ? oid.slice(0, 8) : '–';
}

/** `main` for a branch, `tag v1` for a tag, anything else in full. */
export function shortRef(ref: string): string {
  if (ref.startsWith('refs/heads/')) return ref.slice('refs/heads/'.length);
  return ref.startsWith('refs/tags/') ? `tag ${ref.slice('refs/tags/'.length)}` : ref;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time in at most two units: `850 ms`, `12.3 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const length = Math.max(0, ms);
  if (length < 1000) return `${Math.round(length)} ms`;
  if (length < 10_000) return `${(Math.floor(length / 100) / 10).toFixed(1)} s`;
  if (length < MINUTE) return `${Math.floor(length / 1000)} s`;
  const pairs = [
    [DAY, 'd', HOUR, 'h'],
    [HOUR, 'h', MINUTE, 'min'],
    [MINUTE, 'min', 1000, 's'],
  ] as const;
  const [large, largeName, small, smallName] = pairs.find(([unit]) => length >= unit) ?? pairs[2];
  const rest = Math.floor((length % large) / small);
  return `${Math.floor(length / large)} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`;
}

/** How long ago, in one unit; what was a moment ago, or will be, is `now`. */
export function age(at: string | null | undefined, now: number): string {
  const ms = at ? now - Date.parse(at) : Number.NaN;
  if (Number.isNaN(ms)) return 'never';
  if (ms < 1500) return 'now';
  if (ms < MINUTE) return `${Math.floor(ms / 1000)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  return ms < 2 * DAY ? `${Math.floor(ms / HOUR)} h` : `${Math.floor(ms / DAY)} d`;
}

export function ago(at: string | null | undefined, now: number): string {
  const text = age(at, now);
  return text === 'now' || text === 'never' ? text : `${text} ago`;
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}
