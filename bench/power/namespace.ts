import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Longer than any measurement; it ends with the bench. */
const LIFE_S = 1800;
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** A mount namespace of its own: what is mounted in it is seen by nobody else, and goes with it. */
export class Namespace {
  readonly #holder: ChildProcess;
  /** The words that start a command in it. */
  readonly enter: readonly string[];

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
    this.enter = ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`, '--'];
  }

  /** @throws Error where no namespace can be opened */
  static async open(): Promise<Namespace> {
    const holder = spawn('unshare', ['-m', '--propagation', 'private', 'sleep', `${LIFE_S}`], { stdio: 'ignore' });
    const namespace = new Namespace(holder);
    const ours = execFileSync('readlink', ['/proc/self/ns/mnt'], { encoding: 'utf8' });
    for (let attempt = 0; attempt < 200 && holder.exitCode === null; attempt += 1) {
      if (namespace.run('readlink', '/proc/self/ns/mnt') !== ours) return namespace;
      await delay(20);
    }
    holder.kill('SIGKILL');
    throw new Error('no mount namespace can be opened here');
  }

  /** Runs a program in it; returns what it prints. */
  run(file: string, ...args: string[]): string {
    const [first = '', ...words] = [...this.enter, file, ...args];
    return execFileSync(first, words, { encoding: 'utf8', stdio: 'pipe' });
  }

  /** A path in it, seen from here. */
  seen(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }

  /** From then on processes in it believe that the machine was started again. @param file to be bound there */
  startMachineAgain(file: string): void {
    writeFileSync(file, 'a-boot-of-the-bench\n');
    this.run('mount', '--bind', file, BOOT_ID);
  }

  /** From then on nothing is in that directory, for processes in it. */
  cover(directory: string): void {
    this.run('mount', '-t', 'tmpfs', 'none', directory);
  }

  async close(): Promise<void> {
    const gone = once(this.#holder, 'exit');
    this.#holder.kill('SIGKILL');
    await gone;
  }
}
