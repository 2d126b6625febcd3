import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Disks, type FileSystem, mountImage, unmount } from './disks.ts';
import { History } from './history.ts';
import type { Mode } from './modes.ts';
import type { Namespace } from './namespace.ts';
import { Program } from './program.ts';

export interface LifeOptions {
  readonly mode: Mode;
  readonly fileSystem: FileSystem;
  readonly namespace: Namespace;
  readonly disks: Disks;
  /** A directory of its own. */
  readonly home: string;
  readonly files: number;
}

/** A disk as a power cut would have left it. */
export interface Cut {
  readonly image: string;
  /** How many revisions had been pushed. */
  readonly pushed: number;
  /** Since the last push. */
  readonly ms: number;
}

const LIMIT_MS = 60_000;

/** A program at work on a disk of its own, and copies of the disk from its life. */
export class Life {
  readonly options: LifeOptions;
  readonly history: History;
  /** Where the disk is mounted, in every namespace. */
  readonly place: string;
  readonly #image: string;
  readonly #program: Program;

  private constructor(options: LifeOptions) {
    const { mode, fileSystem, namespace, disks, home, files } = options;
    this.options = options;
    this.history = new History(join(home, 'srv'), files);
    this.place = join(home, 'disk');
    mkdirSync(this.place);
    this.#image = disks.make(`${fileSystem}-${mode.name}`.replace(/[^\w-]/g, '_'), fileSystem);
    mountImage(namespace, namespace, this.#image, fileSystem, this.place);
    const args = mode.args(this.history.upstream.bare, this.place, join(home, 'starts-of-the-first-boot'));
    this.#program = new Program(namespace, mode.program, args);
  }

  /** Its first revision is in use and on the disk. */
  static async begin(options: LifeOptions): Promise<Life> {
    const life = new Life(options);
    await life.#untilInUse();
    await delay(300);
    options.namespace.run('sync', '-f', life.place);
    return life;
  }

  /**
   * Pushes twice, and takes copies of the disk.
   * @param pushAt when the second push is, in ms from the first one @param cutsAt when the copies are, in their order
   */
  async take(pushAt: number, cutsAt: readonly number[]): Promise<readonly Cut[]> {
    const { disks } = this.options;
    const start = performance.now();
    const wait = async (at: number): Promise<void> => await delay(Math.max(0, start + at - performance.now()));
    const cuts: Cut[] = [];
    this.history.push();
    let pushedAt = 0;
    const steps = [...cutsAt.map((at) => ({ at, push: false })), { at: pushAt, push: true }];
    for (const { at, push } of steps.sort((one, other) => one.at - other.at)) {
      await wait(at);
      const pushed = this.history.revisions.length;
      const ms = performance.now() - start - pushedAt;
      if (push) {
        this.history.push();
        pushedAt = at;
      } else {
        cuts.push({ image: disks.cut(this.#image), pushed, ms });
      }
    }
    await this.#untilInUse();
    return cuts;
  }

  /** One push. @returns ms from the poll that saw it to the link */
  async update(): Promise<number> {
    const { oid } = this.history.push();
    await this.#untilInUse();
    const line = this.#program.lines.find((each) => each.includes('"published"') && each.includes(oid)) ?? '{}';
    return (JSON.parse(line) as { ms?: number }).ms ?? Number.NaN;
  }

  async end(): Promise<void> {
    await this.#program.stop();
    unmount(this.options.namespace, this.place);
    this.options.disks.remove(this.#image);
  }

  async #untilInUse(): Promise<void> {
    const { mode, fileSystem } = this.options;
    const { oid } = this.history.last;
    const isThere = (): boolean => this.#program.lines.some((line) => mode.inUse(line, oid));
    if (await this.#program.until(isThere, LIMIT_MS)) return;
    throw new Error(`${mode.name} on ${fileSystem}: ${this.#program.lines.slice(-20).join('\n')}`);
  }
}
