import type { Exit } from '../../src/platform/process/runner.ts';
import type { Instance } from '../../src/run/instance.ts';

/** A process that lives until the test, or `stop`, ends it. */
export class FakeChild {
  readonly port: number | undefined;
  readonly pid: number;
  readonly startedAt = 0;
  readonly exited: Promise<Exit>;
  readonly gone: Promise<void>;
  exit: Exit | undefined;
  lastLines: readonly string[] = [];
  #end: (exit: Exit) => void = () => undefined;

  constructor(pid: number, port: number | undefined) {
    this.pid = pid;
    this.port = port;
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.gone = this.exited.then(() => undefined);
  }

  /** What takes an {@link Instance} takes it. */
  get asInstance(): Instance {
    return this as unknown as Instance;
  }

  signal(): void {}

  die(code: number | null, signal: NodeJS.Signals | null = null): void {
    this.exit ??= { code, signal };
    this.#end(this.exit);
  }

  async stop(): Promise<void> {
    this.die(null, 'SIGTERM');
  }
}
