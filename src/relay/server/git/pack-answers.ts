import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Git } from '../../../git/git.ts';
import { messageOf, SidecarError } from '../../../model/error.ts';
import type { Below } from '../../../platform/below.ts';
import { FairRoom } from '../../../platform/fair-room.ts';
import { makeDirectoryBelow } from '../../../platform/files-below.ts';
import type { Logger } from '../../../platform/log.ts';
import { describeKept, removeTree } from '../../../platform/remove-tree.ts';
import { AnswerCheck } from '../../../remote/wire/answer-check.ts';
import { AnswerRoom, type Holding } from './answer-room.ts';
import type { DiskRoom } from './disk-room.ts';
import { keyOf, type PackQuestion } from './pack-question.ts';
import { ProcessSlots } from './process-slots.ts';
import { Spool, type SpoolRoom } from './spool.ts';
import type { StartPace } from './start-pace.ts';
import { askUploadPack, isRefusal } from './upload-pack.ts';

export interface PackAnswersOptions {
  readonly git: Git;
  readonly directory: string;
  readonly log: Logger;
  readonly disk: DiskRoom;
  /** Bytes of all answers, those that are still being read included, on disk and in memory. */
  readonly mostBytes: number;
  readonly mostBytesInMemory: number;
  /** git processes at a time; the others wait. */
  readonly mostAtOnce: number;
  /** Questions that may wait for a process. */
  readonly mostWaiting: number;
  readonly pace: StartPace;
  /** git processes besides, whose answers had no room and go at the pace of their readers. */
  readonly mostFlowing: number;
  readonly timeoutMs: number;
  /** An answer that no client has read for so long is no longer computed. */
  readonly lingerMs: number;
  /** git could not answer from this repository what it has to have. */
  readonly onFailure: (gitDir: string) => void;
}

export type AnswerSource = 'computed' | 'joined' | 'kept';

/** More than this of one answer goes to disk. */
const MOST_OF_ONE_IN_MEMORY = 1024 * 1024;

/** With less than this an answer is not begun where it could not flow either. */
const LEAST_ROOM = 64 * 1024;

/** An answer that git works at, or worked at. */
interface Work {
  readonly answer: Spool;
  readonly stop: AbortController;
  /** Gives the slot of its process back. */
  release: () => void;
  /** Of one whose answer flows: gives its place back. */
  stopFlow: (() => void) | undefined;
  readonly holding: Holding;
}

/**
 * Answers of `git upload-pack`. Equal questions get one answer. The first client that asks starts git; a client that
 * asks while git works gets the bytes as they come; a client that asks later gets the kept bytes. Only complete and
 * well-formed answers are kept.
 */
export class PackAnswers {
  readonly #options: PackAnswersOptions;
  readonly #slots: ProcessSlots;
  /** Least recently used first. */
  readonly #answers = new Map<string, Spool>();
  /** All answers that git is making, or that are being read. */
  readonly #works = new Map<Spool, Work>();
  readonly #counts: Record<AnswerSource, number> = { computed: 0, joined: 0, kept: 0 };
  readonly #room: AnswerRoom;
  readonly #flows: FairRoom;
  /** Being removed. */
  readonly #going = new Set<Promise<void>>();
  #bytesInMemory = 0;
  #isClosed = false;

  constructor(options: PackAnswersOptions) {
    this.#options = options;
    const { mostAtOnce, mostWaiting, pace } = options;
    this.#slots = new ProcessSlots({ most: mostAtOnce, mostWaiting, pace });
    this.#room = new AnswerRoom(options.mostBytes);
    this.#flows = new FairRoom(() => options.mostFlowing);
  }

  get counts(): Readonly<Record<AnswerSource, number>> {
    return this.#counts;
  }

  /** Bytes of answers that are kept for later questions. */
  get keptBytes(): number {
    return [...this.#answers.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Bytes of all answers, those that are only there for their readers included. */
  get bytes(): number {
    return this.#room.bytes;
  }

  async open(): Promise<void> {
    await this.#clear();
    await makeDirectoryBelow(this.#place);
  }

  /**
   * The answer, still coming perhaps. Reading it fails when git did.
   * @throws SidecarError ERR_RELAY_FULL when too many other questions wait, or nothing has room for another answer
   */
  ask(question: PackQuestion): { readonly answer: Spool; readonly source: AnswerSource } {
    const id = question.id ?? keyOf(question);
    const known = this.#answers.get(id);
    if (known?.isJoinable) {
      this.#answers.delete(id);
      this.#answers.set(id, known);
      const source = known.isGrowing ? 'joined' : 'kept';
      this.#counts[source] += 1;
      return { answer: known, source };
    }
    if (known) this.#drop(id, known);
    this.#slots.requireRoom(question.owner);
    this.#requireFlow(question.owner);
    const work = this.#begin(id, question.owner);
    this.#answers.set(id, work.answer);
    this.#counts.computed += 1;
    void this.#compute(question, work).then((isWorthKeeping) => this.#settle(id, work, isWorthKeeping));
    return { answer: work.answer, source: 'computed' };
  }

  /** Drops every answer on disk that is not being read. Resolves when their files are gone. */
  async makeRoom(): Promise<void> {
    for (const [id, answer] of this.#answers)
      if (!answer.isGrowing && answer.readers === 0 && answer.onDisk > 0) this.#drop(id, answer);
    await Promise.all(this.#going);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { stop } of this.#works.values()) stop.abort();
    await Promise.all([...this.#answers.values()].map((answer) => answer.dispose()));
    await this.#clear();
  }

  get #place(): Below {
    const { directory } = this.#options;
    return { root: dirname(directory), path: directory };
  }

  /** Answers of an earlier process are of no use. What cannot be removed does no harm: each answer has a new name. */
  async #clear(): Promise<void> {
    const kept = await removeTree(this.#place);
    if (kept.length > 0) this.#options.log.warn(describeKept(kept));
  }

  #begin(id: string, owner: string): Work {
    const holding: Holding = { owner, bytes: 0, isPinned: true };
    const { directory, lingerMs } = this.#options;
    const stop = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const answer: Spool = new Spool({
      path: join(directory, `${id.slice(0, 16)}.${randomBytes(4).toString('hex')}`),
      root: this.#place.root,
      mostInMemory: MOST_OF_ONE_IN_MEMORY,
      room: this.#roomFor(holding),
      onReaders: (readers) => {
        this.#room.pin(holding, answer.isGrowing || readers > 0);
        clearTimeout(timer);
        if (readers === 0 && answer.isGrowing) timer = setTimeout(() => stop.abort(), lingerMs).unref();
      },
    });
    const detail = 'it was ended: no client reads the answer any more';
    const onAbort = (): void => answer.fail(new SidecarError('ERR_GIT_TIMEOUT', { op: 'answer a fetch', detail }));
    stop.signal.addEventListener('abort', onAbort, { once: true });
    const work: Work = { answer, stop, release: () => undefined, stopFlow: undefined, holding };
    this.#works.set(answer, work);
    return work;
  }

  #roomFor(holding: Holding): SpoolRoom {
    const { disk, mostBytesInMemory } = this.#options;
    return {
      // Memory that answers of before hold is theirs: this one goes to disk then.
      takeMemory: (bytes) => {
        if (this.#bytesInMemory + bytes > mostBytesInMemory || !this.#take(holding, bytes)) return false;
        this.#bytesInMemory += bytes;
        return true;
      },
      takeDisk: (bytes) => !disk.isLow && this.#take(holding, bytes),
      giveBack: (memory, onDisk) => {
        this.#room.add(holding, -(memory + onDisk));
        this.#bytesInMemory -= memory;
      },
      onWriteFailure: async (error) => {
        const before = this.bytes;
        disk.note(error);
        await this.makeRoom();
        return this.bytes < before;
      },
      onFlow: (spool) => this.#letFlow(spool),
    };
  }

  /** @returns whether the answer may be given to later questions */
  async #compute(question: PackQuestion, work: Work): Promise<boolean> {
    const { gitDir } = question;
    const { answer, stop } = work;
    const { git, timeoutMs, log } = this.#options;
    const check = new AnswerCheck(question);
    try {
      work.release = await this.#slots.take(question.owner, stop.signal);
      const code = await askUploadPack(git, question, {
        settings: this.#slots.settingsFor(question.owner),
        timeoutMs,
        signal: stop.signal,
        niceness: this.#slots.nicenessFor(question.owner),
        stdoutSink: async (chunk) => {
          check.feed(chunk);
          await answer.append(chunk);
        },
      });
      if (answer.failure !== undefined) throw answer.failure;
      // All that it was asked for had been found in the mirror.
      if (code !== 0 && !(await question.isToBlame())) this.#options.onFailure(gitDir);
      if (code !== 0 && !isRefusal(answer.head)) {
        const detail = `git ended with ${code} in the middle`;
        throw new SidecarError('ERR_GIT_FAILED', { op: 'answer from', target: gitDir, detail });
      }
      answer.finish();
      return code === 0 && check.isComplete();
    } catch (error) {
      answer.fail(error);
      log.info(1, 'a fetch could not be answered', { path: gitDir, reason: messageOf(error) });
      return false;
    } finally {
      this.#options.pace.noteAnswer(question.owner, answer.size);
      work.release();
      work.stopFlow?.();
      this.#works.delete(answer);
    }
  }

  #settle(id: string, { answer, holding }: Work, isWorthKeeping: boolean): void {
    this.#room.pin(holding, answer.readers > 0);
    if (this.#answers.get(id) !== answer) void answer.dispose();
    else if (!isWorthKeeping || !answer.isJoinable || this.#isClosed) this.#drop(id, answer);
    this.#evict(() => this.#room.hasRoomFor(0));
    if (this.#options.disk.isLow) void this.makeRoom();
  }

  #drop(id: string, answer: Spool): void {
    if (this.#answers.get(id) === answer) this.#answers.delete(id);
    const going = answer.dispose().finally(() => this.#going.delete(going));
    this.#going.add(going);
  }

  /** Drops answers that are not being read, the one longest unused first, until there is room. */
  #evict(isEnough: () => boolean): boolean {
    for (const [id, answer] of this.#answers) {
      if (isEnough()) return true;
      if (!answer.isGrowing && answer.readers === 0) this.#drop(id, answer);
    }
    return isEnough();
  }

  #take(holding: Holding, bytes: number): boolean {
    if (!this.#room.isShareOf(holding.owner, bytes)) return false;
    if (!this.#evict(() => this.#room.hasRoomFor(bytes))) return false;
    this.#room.add(holding, bytes);
    return true;
  }

  #requireFlow(owner: string): void {
    const { disk } = this.#options;
    if (this.#flows.hasRoomFor(owner)) return;
    const hasShare = !disk.isLow && this.#room.isShareOf(owner, LEAST_ROOM);
    if (hasShare && this.#evict(() => this.#room.hasRoomFor(LEAST_ROOM))) return;
    const detail = disk.isLow ? 'the disk has no room for answers' : 'readers hold as much as --cache-size allows them';
    throw new SidecarError('ERR_RELAY_FULL', { op: 'answer a fetch', detail });
  }

  /** The process now depends on its readers, so it must not hold the slot of one that does not. */
  #letFlow(spool: Spool): void {
    const work = this.#works.get(spool);
    const stopFlow = work && this.#flows.tryEnter(work.holding.owner);
    if (!stopFlow)
      throw new SidecarError('ERR_RELAY_FULL', { op: 'answer a fetch', detail: 'there is no room for the answer' });
    work.stopFlow = stopFlow;
    work.release();
  }
}
