import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Namespace } from './namespace.ts';

/** A program of ours in a namespace, with the lines that it logs. */
export class Program {
  readonly #child: ChildProcess;
  #text = '';

  constructor(namespace: Namespace, file: string, args: readonly string[]) {
    const [first = '', ...words] = [...namespace.enter, file, ...args];
    const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', TMPDIR: tmpdir() };
    this.#child = spawn(first, words, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString();
    });
  }

  get lines(): readonly string[] {
    return this.#text.split('\n');
  }

  /** @returns whether it came true in time */
  async until(isTrue: () => boolean, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (!isTrue()) {
      if (performance.now() > deadline || this.#child.exitCode !== null) return isTrue();
      await delay(5);
    }
    return true;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(timer);
  }
}
