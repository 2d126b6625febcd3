/** What the hostile tenant's process gets to know, as JSON in its only argument. */
export interface Target {
  readonly port: number;
  /** Its own token. */
  readonly token: string;
  /** Path of the names of its repositories, without a slash at the end: `HOST/hostile`. */
  readonly own: string;
  /** The honest tenant's repository, and its token's streams: what must stay out of reach. */
  readonly foreign: string;
  readonly foreignStreams: readonly string[];
  /** Tip of `big.git`, whose pack has 20 MB that cannot be compressed. */
  readonly bigTip: string;
  /** File with the commits of `history.git`, a line each; the first is its tip. */
  readonly commitsFile: string;
  /** The bare `refs.git`, which has very many refs, on the server's own disk: a tenant may push what it likes. */
  readonly refsDirectory: string;
  readonly seconds: number;
}

/** A line of the hostile tenant's output. */
export type Said =
  | { readonly turn: string }
  | { readonly counts: Record<string, Record<string, number>>; readonly cpuMs: number };
