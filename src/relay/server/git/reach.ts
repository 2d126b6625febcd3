import { setMaxListeners } from 'node:events';
import type { Git } from '../../../git/git.ts';
import { SidecarError } from '../../../model/error.ts';
import type { Oid } from '../../../model/oid.ts';
import { deadline } from '../../../platform/deadline.ts';
import { eachInTurns, filterInTurns } from '../../../platform/in-turns.ts';
import { digestOf, type Refs } from '../../protocol/refs.ts';
import { ProcessSlots } from './process-slots.ts';
import type { StartPace } from './start-pace.ts';

export interface ReachOptions {
  readonly git: Git;
  /** Each look is charged as one started process. */
  readonly pace: StartPace;
  /** git could not read what the refs reach. */
  readonly onFailure: (gitDir: string) => void;
}

/** Where objects are asked for. */
export interface Within {
  /** On whose share it is looked. */
  readonly owner: string;
  readonly gitDir: string;
  /** The refs that may be seen. */
  readonly refs: Refs;
}

/** What an object of the mirror is to a client that sees only some refs. */
export interface Standing {
  readonly kind: string;
  /** The refs reach it. */
  readonly isShown: boolean;
}

/** Checks at a time, of one owner three at most. They are few: an ordinary fetch needs none. */
const MOST_AT_ONCE = 4;
/** Of one owner 64. */
const MOST_WAITING = 86;
/** A walk over the whole history of a large repository takes its time; longer than this it is refused. */
const LONGEST_MS = 60_000;
/** Answers that are remembered; the refs do not change under them. */
const MOST_REMEMBERED = 200_000;

/**
 * Finds out which objects are reached by the refs that a client may see. In protocol v2 git gives out whatever a mirror
 * holds, also what no ref reaches any more and what its hidden refs reach, so this is where that is decided
 * (gitprotocol-v2, "fetch": wants can be anything). All that one question names is looked up at once.
 */
export class Reach {
  readonly #options: ReachOptions;
  readonly #slots: ProcessSlots;
  readonly #stopping = new AbortController();
  readonly #underWay = new Map<string, Promise<Map<Oid, Standing>>>();
  readonly #known = new Map<string, Map<Oid, Standing>>();
  #remembered = 0;

  constructor(options: ReachOptions) {
    this.#options = options;
    this.#slots = new ProcessSlots({ most: MOST_AT_ONCE, mostWaiting: MOST_WAITING, pace: options.pace });
    // One for each question that waits or works.
    setMaxListeners(MOST_WAITING + 4 * MOST_AT_ONCE, this.#stopping.signal);
  }

  /**
   * The standing of each of `oids`; those that are not in the mirror have none.
   * @throws SidecarError ERR_RELAY_FULL, ERR_GIT_*
   */
  async look(within: Within, oids: readonly Oid[]): Promise<ReadonlyMap<Oid, Standing>> {
    const known = this.#memory(within);
    const unknown: Oid[] = [];
    // What is remembered may be forgotten before the others are found.
    const standings = new Map<Oid, Standing>();
    await eachInTurns(oids, (oid) => {
      const standing = known.get(oid);
      if (standing) standings.set(oid, standing);
      else unknown.push(oid);
    });
    if (unknown.length === 0) return standings;
    const question = `${within.gitDir} ${digestOf(within.refs)} ${unknown.join(' ')}`;
    // What is missing may come.
    await eachInTurns(
      await this.#shared(question, async () => await this.#find(within, unknown)),
      ([oid, standing]) => {
        this.#remember(known, oid, standing);
        standings.set(oid, standing);
      },
    );
    return standings;
  }

  close(): void {
    this.#stopping.abort();
  }

  #memory({ gitDir, refs }: Within): Map<Oid, Standing> {
    const key = `${gitDir} ${digestOf(refs)}`;
    const memory = this.#known.get(key) ?? new Map<Oid, Standing>();
    this.#known.delete(key);
    this.#known.set(key, memory);
    return memory;
  }

  #remember(memory: Map<Oid, Standing>, oid: Oid, standing: Standing): void {
    if (!memory.has(oid)) this.#remembered += 1;
    memory.set(oid, standing);
    for (const [key, each] of this.#known) {
      if (this.#remembered <= MOST_REMEMBERED) return;
      this.#remembered -= each.size;
      each.clear();
      if (each !== memory) this.#known.delete(key);
    }
  }

  /** A whole fleet asks the same at the same time. */
  async #shared(question: string, find: () => Promise<Map<Oid, Standing>>): Promise<Map<Oid, Standing>> {
    const known = this.#underWay.get(question);
    if (known) return await known;
    const finding = find().finally(() => this.#underWay.delete(question));
    this.#underWay.set(question, finding);
    return await finding;
  }

  async #find({ owner, gitDir, refs }: Within, oids: readonly Oid[]): Promise<Map<Oid, Standing>> {
    const release = await this.#slots.take(owner, this.#stopping.signal);
    const limit = deadline(this.#stopping.signal, LONGEST_MS);
    try {
      const run = new Walk(this.#options.git, gitDir, this.#slots.nicenessFor(owner), limit.signal);
      const kinds = await run.kinds(oids);
      const commits = await filterInTurns(oids, (oid) => kinds.get(oid) === 'commit');
      const others = await filterInTurns(oids, (oid) => kinds.has(oid) && kinds.get(oid) !== 'commit');
      const tips = [...new Set([...refs.values()].map(({ oid }) => oid))];
      const [hiddenCommits, hiddenOthers] = [await run.beyond(tips, commits), await run.notIn(tips, others)];
      const found = new Map<Oid, Standing>();
      await eachInTurns(kinds, ([oid, kind]) => {
        found.set(oid, { kind, isShown: !hiddenCommits.has(oid) && !hiddenOthers.has(oid) });
      });
      return found;
    } catch (error) {
      // What git says sounds as if a server had said it: everything here is in the mirror, or was found there.
      if (error instanceof SidecarError && (error.stage === 'remote' || error.facts.suspect))
        this.#options.onFailure(gitDir);
      throw error;
    } finally {
      limit.end();
      release();
    }
  }
}

/** The git commands of one check. */
class Walk {
  readonly #git: Git;
  readonly #gitDir: string;
  readonly #niceness: number;
  readonly #signal: AbortSignal;

  constructor(git: Git, gitDir: string, niceness: number, signal: AbortSignal) {
    this.#git = git;
    this.#gitDir = gitDir;
    this.#niceness = niceness;
    this.#signal = signal;
  }

  /** The type of each object that is in the mirror. */
  async kinds(oids: readonly Oid[]): Promise<Map<Oid, string>> {
    const kinds = new Map<Oid, string>();
    await this.#lines(['cat-file', '--batch-check=%(objectname) %(objecttype)', '--buffer'], oids, (line) => {
      const [oid = '', kind = ''] = line.split(' ');
      if (kind !== 'missing') kinds.set(oid as Oid, kind);
      return true;
    });
    return kinds;
  }

  /** Those of `commits` that `tips` do not reach. */
  async beyond(tips: readonly Oid[], commits: readonly Oid[]): Promise<Set<Oid>> {
    if (commits.length === 0) return new Set();
    const [asked, found] = [new Set<string>(commits), new Set<Oid>()];
    const stdin = [...commits, ...tips.map((oid) => `^${oid}`)];
    await this.#lines(['rev-list', '--stdin'], stdin, (line) => {
      if (asked.has(line)) found.add(line as Oid);
      return found.size < asked.size;
    });
    return found;
  }

  /** Those of `objects`, which are no commits, that `tips` do not reach. The newest commits are looked at first. */
  async notIn(tips: readonly Oid[], objects: readonly Oid[]): Promise<Set<Oid>> {
    const left = new Set(objects);
    if (left.size === 0) return left;
    const args = ['rev-list', '--objects', '--in-commit-order', '--no-object-names', '--stdin'];
    await this.#lines(args, tips, (line) => {
      left.delete(line as Oid);
      return left.size > 0;
    });
    return left;
  }

  /** @param take returns false when it needs no more lines */
  async #lines(args: readonly string[], stdin: readonly string[], take: (line: string) => boolean): Promise<void> {
    const limit = deadline(this.#signal, undefined);
    let isEnough = false;
    let rest = '';
    const takeChunk = async (chunk: Buffer): Promise<void> => {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) isEnough ||= !take(line);
      if (isEnough) limit.end();
    };
    try {
      const options = { op: 'look up objects in', target: this.#gitDir, stdin: `${stdin.join('\n')}\n` };
      const words = ['--git-dir', this.#gitDir, ...args];
      const how = { niceness: this.#niceness, signal: limit.signal, stdoutSink: takeChunk };
      await this.#git.run(words, { ...options, ...how });
    } catch (error) {
      if (!isEnough) throw error;
    } finally {
      limit.end();
    }
  }
}
