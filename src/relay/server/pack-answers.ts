import { createHash, randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Git } from '../../git/git.ts';
import { messageOf, SidecarError } from '../../model/error.ts';
import type { Below } from '../../platform/below.ts';
import { makeDirectoryBelow } from '../../platform/files-below.ts';
import type { Logger } from '../../platform/log.ts';
import { describeKept, removeTree } from '../../platform/remove-tree.ts';
import { Spool } from './spool.ts';

export interface PackAnswersOptions {
  readonly git: Git;
  readonly directory: string;
  readonly log: Logger;
  /** Bytes of finished answers that are kept, on disk and in memory. */
  readonly mostBytes: number;
  readonly mostBytesInMemory: number;
  /** git processes at a time; the others wait. */
  readonly mostAtOnce: number;
  /** Questions that may wait for a process. */
  readonly mostWaiting: number;
  readonly timeoutMs: number;
  /** git could not answer from this repository. */
  readonly onFailure: (gitDir: string) => void;
}

export interface PackQuestion {
  readonly gitDir: string;
  /** Two questions with the same key have the same answer. */
  readonly key: readonly string[];
  readonly body: Buffer;
  /** 2; 0 for clients that do not speak it. */
  readonly protocol: 0 | 2;
  /** Only what the refs show is wanted: the mirror has to have it. */
  readonly isOwed: boolean;
  /** v0 only: the list of refs that comes first. */
  readonly advertise: boolean;
}

/** git's way to say that a client asks for what there is not: an error packet comes first. */
const REFUSAL = /^[0-9a-f]{4}ERR /;

export type AnswerSource = 'computed' | 'joined' | 'kept';

/** More than this of one answer goes to disk. */
const MOST_OF_ONE_IN_MEMORY = 1024 * 1024;

/** Depth and filter are ours to allow: what a mirror holds, a subscriber may have. */
const SETTINGS = ['-c', 'uploadpack.allowFilter=true', '-c', 'uploadpack.allowAnySHA1InWant=true'];

/**
 * Answers of `git upload-pack`. Equal questions get one answer: who asks first starts git, who asks while it works gets
 * the bytes as they come, who asks later gets those that were kept.
 */
export class PackAnswers {
  readonly #options: PackAnswersOptions;
  /** Least recently used first. */
  readonly #answers = new Map<string, Spool>();
  readonly #counts: Record<AnswerSource, number> = { computed: 0, joined: 0, kept: 0 };
  readonly #queue: (() => void)[] = [];
  readonly #stopping = new AbortController();
  #working = 0;

  constructor(options: PackAnswersOptions) {
    this.#options = options;
  }

  get counts(): Readonly<Record<AnswerSource, number>> {
    return this.#counts;
  }

  get bytes(): number {
    return [...this.#answers.values()].reduce((sum, { size }) => sum + size, 0);
  }

  async open(): Promise<void> {
    await this.#clear();
    await makeDirectoryBelow(this.#place);
  }

  /**
   * The answer, still coming perhaps. Reading it fails when git did.
   * @throws SidecarError ERR_RELAY_FULL when too many other questions wait
   */
  ask(question: PackQuestion): { readonly answer: Spool; readonly source: AnswerSource } {
    const id = createHash('sha256').update(question.key.join('\0')).digest('hex');
    const known = this.#answers.get(id);
    if (known && known.failure === undefined) {
      this.#answers.delete(id);
      this.#answers.set(id, known);
      const source = known.isGrowing ? 'joined' : 'kept';
      this.#counts[source] += 1;
      return { answer: known, source };
    }
    if (this.#queue.length >= this.#options.mostWaiting) {
      const detail = `${this.#queue.length} other questions wait for an answer`;
      throw new SidecarError('ERR_RELAY_FULL', { op: 'answer a fetch', detail });
    }
    const answer = new Spool(
      join(this.#options.directory, `${id.slice(0, 16)}.${randomBytes(4).toString('hex')}`),
      MOST_OF_ONE_IN_MEMORY,
      this.#place.root,
    );
    this.#answers.set(id, answer);
    this.#counts.computed += 1;
    void this.#compute(question, answer).then(() => this.#settle(id, answer));
    return { answer, source: 'computed' };
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#answers.values()].map((answer) => answer.dispose()));
    await this.#clear();
  }

  get #place(): Below {
    const { directory } = this.#options;
    return { root: dirname(directory), path: directory };
  }

  /** Answers of an earlier process are of no use. What cannot be removed is in nobody's way: each answer has a new name. */
  async #clear(): Promise<void> {
    const kept = await removeTree(this.#place);
    if (kept.length > 0) this.#options.log.warn(describeKept(kept));
  }

  async #compute({ gitDir, body, protocol, isOwed, advertise }: PackQuestion, answer: Spool): Promise<void> {
    await this.#turn();
    const { git, timeoutMs, log } = this.#options;
    const flags = advertise ? ['--stateless-rpc', '--http-backend-info-refs'] : ['--stateless-rpc'];
    try {
      const { code } = await git.run([...SETTINGS, 'upload-pack', '--strict', ...flags, gitDir], {
        op: 'answer from',
        target: gitDir,
        stdin: body,
        timeoutMs,
        signal: this.#stopping.signal,
        // A client that asks for what is not there: git has said so in its answer.
        accept: [1, 128],
        stdoutSink: async (chunk) => await answer.append(chunk),
        ...(protocol === 2 && { env: { GIT_PROTOCOL: 'version=2' } }),
      });
      if (code !== 0 && !REFUSAL.test(answer.head)) {
        const detail = `git ended with ${code} in the middle`;
        throw new SidecarError('ERR_GIT_FAILED', { op: 'answer from', target: gitDir, detail });
      }
      answer.finish();
      if (code !== 0 && isOwed) this.#options.onFailure(gitDir);
    } catch (error) {
      answer.fail(error);
      if (!this.#stopping.signal.aborted) this.#options.onFailure(gitDir);
      log.info(1, 'a fetch could not be answered', { path: gitDir, reason: messageOf(error) });
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#working -= 1;
    }
  }

  async #turn(): Promise<void> {
    // Who waited takes over the place of the one that ended.
    if (this.#working >= this.#options.mostAtOnce) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#working += 1;
  }

  #settle(id: string, answer: Spool): void {
    // A refusal is not kept: what was missing may come.
    const isWorthKeeping = answer.failure === undefined && !REFUSAL.test(answer.head);
    if (!isWorthKeeping && this.#answers.get(id) === answer) {
      this.#answers.delete(id);
      void answer.dispose();
    }
    let { bytes } = this;
    let inMemory = [...this.#answers.values()].reduce((sum, each) => sum + each.inMemory, 0);
    for (const [key, each] of this.#answers) {
      if (bytes <= this.#options.mostBytes && inMemory <= this.#options.mostBytesInMemory) break;
      if (each.isGrowing) continue;
      this.#answers.delete(key);
      bytes -= each.size;
      inMemory -= each.inMemory;
      void each.dispose();
    }
  }
}
