import { SidecarError } from '../../model/error.ts';
import { type ObjectFormat, type Oid, parseOid } from '../../model/oid.ts';
import { DELIMITER_PACKET, dataPacket, FLUSH_PACKET, linePackets } from './pkt-line.ts';

/** What a client wants to fetch, in either protocol; every value has the form that git takes. */
export interface FetchRequest {
  /** Without repetition, in the client's order; at least one. */
  readonly wants: readonly Oid[];
  readonly haves: readonly Oid[];
  /** Commits whose parents the client has not got. */
  readonly shallow: readonly Oid[];
  readonly deepen: Deepen;
  /** A filter in git's own spelling; undefined: all objects. */
  readonly filter: string | undefined;
  /** v2: words like `thin-pack`. v0: the capabilities that change the answer. Sorted. */
  readonly words: readonly string[];
  /** What follows the haves: `done` wants the pack now; v0 can have nothing there, which asks for the shallow commits. */
  readonly end: 'done' | 'flush' | 'nothing';
}

/** How much history is wanted. */
export interface Deepen {
  /** Commits from each tip on. */
  readonly depth: number | undefined;
  /** Seconds since the epoch, in decimal. */
  readonly since: string | undefined;
  /** Names of refs, short ones perhaps. */
  readonly not: readonly string[];
  /** The depth is measured from where the client's history ends. v0 has it among {@link FetchRequest.words}. */
  readonly isRelative: boolean;
}

/** Lines that are read without a stop. */
export const LINES_AT_ONCE = 500;
/** Object ids in one question. A body of 4 MiB holds no more. */
const MOST_OIDS = 84_000;
const MOST_NOT = 100;
/** git's own largest depth, which means all of it. */
const LARGEST_DEPTH = 0x7fffffff;
const FILTER = /^(?:blob:none|blob:limit=\d{1,18}[kmgKMG]?|tree:\d{1,9}|object:type=(?:commit|tree|blob|tag))$/;
const MOST_FILTERS = 8;
/** No ref name has these bytes (git-check-ref-format). */
const NO_REF_NAME = /[\0-\x20~^:?*[\\\x7f]|\.\.|@\{/;

export function malformedFetch(detail: string): SidecarError {
  return new SidecarError('ERR_REMOTE_PROTOCOL', { op: 'read a fetch', detail });
}

/** Collects the lines that both protocols have, and refuses all others. */
export class FetchLines {
  readonly #oidLength: number;
  readonly #oids = { want: new Set<Oid>(), have: new Set<Oid>(), shallow: new Set<Oid>() };
  readonly #not: string[] = [];
  #count = 0;
  #depth: number | undefined;
  #since: string | undefined;
  #filter: string | undefined;

  constructor(objectFormat: ObjectFormat) {
    this.#oidLength = objectFormat === 'sha1' ? 40 : 64;
  }

  /** @returns false when the line has another keyword than `keywords`; @throws when its value is malformed */
  take(line: string, keywords: readonly string[]): boolean {
    const space = line.indexOf(' ');
    const [keyword, value] = [line.slice(0, space), line.slice(space + 1)];
    if (space < 0 || !keywords.includes(keyword)) return false;
    if (keyword === 'want' || keyword === 'have' || keyword === 'shallow') this.#takeOid(keyword, value);
    else if (keyword === 'deepen') this.#depth = once(keyword, this.#depth, depthOf(value));
    else if (keyword === 'deepen-since') this.#since = once(keyword, this.#since, secondsOf(value));
    else if (keyword === 'deepen-not') this.#takeNot(value);
    else if (keyword === 'filter') this.#filter = once(keyword, this.#filter, filterOf(value));
    else return false;
    return true;
  }

  /** @throws SidecarError ERR_REMOTE_PROTOCOL when these lines cannot stand together */
  finish(words: readonly string[], isRelative: boolean, end: FetchRequest['end']): FetchRequest {
    const { want, have, shallow } = this.#oids;
    if (want.size === 0) throw malformedFetch('it wants nothing');
    if (this.#depth !== undefined && (this.#since !== undefined || this.#not.length > 0))
      throw malformedFetch('deepen cannot stand beside deepen-since or deepen-not');
    return {
      ...{ wants: [...want], haves: [...have], shallow: [...shallow], filter: this.#filter },
      deepen: { depth: this.#depth, since: this.#since, not: this.#not, isRelative },
      words: [...new Set(words)].sort(),
      end,
    };
  }

  #takeOid(keyword: 'want' | 'have' | 'shallow', value: string): void {
    const oid = value.length === this.#oidLength ? parseOid(value) : undefined;
    if (!oid) throw malformedFetch(`not an object id: ${JSON.stringify(value.slice(0, 70))}`);
    this.#count += 1;
    if (this.#count > MOST_OIDS) throw malformedFetch(`more than ${MOST_OIDS} object ids`);
    this.#oids[keyword].add(oid);
  }

  #takeNot(value: string): void {
    if (value === '' || value.length > 1000 || value.startsWith('-') || NO_REF_NAME.test(value))
      throw malformedFetch(`not the name of a ref: ${JSON.stringify(value.slice(0, 60))}`);
    if (this.#not.length >= MOST_NOT) throw malformedFetch(`more than ${MOST_NOT} deepen-not`);
    this.#not.push(Buffer.from(value, 'latin1').toString());
  }
}

function once<T>(keyword: string, before: T | undefined, value: T): T {
  if (before !== undefined) throw malformedFetch(`two lines with ${keyword}`);
  return value;
}

function depthOf(value: string): number {
  const depth = /^[1-9]\d{0,9}$/.test(value) ? Number(value) : 0;
  if (depth < 1 || depth > LARGEST_DEPTH) throw malformedFetch(`not a depth: ${JSON.stringify(value.slice(0, 30))}`);
  return depth;
}

function secondsOf(value: string): string {
  if (/^[1-9]\d{0,17}$/.test(value)) return value;
  throw malformedFetch(`not a time: ${JSON.stringify(value.slice(0, 30))}`);
}

/** `sparse:oid=` names an object that git would read and parse; it is not offered. */
function filterOf(value: string): string {
  const parts = value.startsWith('combine:') ? value.slice('combine:'.length).split('+') : [value];
  if (parts.length <= MOST_FILTERS && parts.every((part) => FILTER.test(part))) return value;
  throw malformedFetch(`not a filter that is offered here: ${JSON.stringify(value.slice(0, 60))}`);
}

const V2_WORDS: readonly string[] = ['thin-pack', 'no-progress', 'include-tag', 'ofs-delta'];
const V2_LINES = ['want', 'have', 'shallow', 'deepen', 'deepen-since', 'deepen-not', 'filter'];

/**
 * The arguments of a v2 `fetch` command (gitprotocol-v2, "fetch"), of those features that a relay offers. It stops
 * after so many lines each time, so that other work can go on in between.
 * @throws SidecarError ERR_REMOTE_PROTOCOL for any other line
 */
export function* readFetchArguments(
  lines: readonly string[],
  objectFormat: ObjectFormat,
): Generator<undefined, FetchRequest> {
  const known = new FetchLines(objectFormat);
  const words: string[] = [];
  let isDone = false;
  let isRelative = false;
  for (const [index, line] of lines.entries()) {
    if (index % LINES_AT_ONCE === 0) yield;
    if (known.take(line, V2_LINES)) continue;
    if (line === 'done') isDone = true;
    else if (line === 'deepen-relative') isRelative = true;
    else if (V2_WORDS.includes(line)) words.push(line);
    else throw malformedFetch(`not an argument that is offered here: ${JSON.stringify(line.slice(0, 60))}`);
  }
  return known.finish(words, isRelative, isDone ? 'done' : 'flush');
}

/** The lines that both protocols write in the same way: from `shallow` to `filter`. */
export function linesBeforeHaves({ shallow, deepen, filter }: FetchRequest): string[] {
  return [
    ...shallow.map((oid) => `shallow ${oid}`),
    ...(deepen.depth === undefined ? [] : [`deepen ${deepen.depth}`]),
    ...(deepen.since === undefined ? [] : [`deepen-since ${deepen.since}`]),
    ...deepen.not.map((ref) => `deepen-not ${ref}`),
    ...(filter === undefined ? [] : [`filter ${filter}`]),
  ];
}

/** The one way to write a v2 `fetch` command: equal requests are equal bytes, whichever client asks. */
export function* writeFetchRequest(request: FetchRequest, objectFormat: ObjectFormat): Generator<undefined, Buffer> {
  const { wants, haves, words, deepen, end } = request;
  const lines = [
    ...words,
    ...(deepen.isRelative ? ['deepen-relative'] : []),
    ...linesBeforeHaves(request),
    ...wants.map((oid) => `want ${oid}`),
    ...haves.map((oid) => `have ${oid}`),
    ...(end === 'done' ? ['done'] : []),
  ];
  const head = [dataPacket('command=fetch'), dataPacket(`object-format=${objectFormat}`), DELIMITER_PACKET];
  return Buffer.concat([...head, yield* linePackets(lines), FLUSH_PACKET]);
}
