import type { Io } from '../app/outcome.ts';
import type { Visitor } from '../demo/visitor.ts';

interface LogLine {
  readonly msg?: string;
  readonly error?: string;
  readonly hash?: string;
  readonly ms?: number;
  readonly outcome?: string;
  readonly reason?: string;
}

/** Lines of the log that the demo shows with its own text, or not at all. */
const TOLD_OTHERWISE = /^(?:the revision is not deployed|rolled back)/;

/** Turns the log lines of the demo into short lines for a newcomer. */
export class Narrator {
  readonly #io: Io;
  readonly #visitor: Visitor;
  #pushedAt: number | undefined;
  #rest = '';
  #waiting: ((outcome: string) => void)[] = [];

  constructor(io: Io, visitor: Visitor) {
    this.#io = io;
    this.#visitor = visitor;
  }

  /** Resolves with how the next deployment ends. */
  nextOutcome(): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  pushed(): void {
    this.#pushedAt = performance.now();
    this.say('the server received a push');
  }

  hear(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#tell(line);
  }

  say(text: string): void {
    this.#io.stdout(`${new Date().toTimeString().slice(0, 8)}  ${text}\n`);
  }

  #tell(text: string): void {
    let line: LogLine;
    try {
      line = JSON.parse(text) as LogLine;
    } catch {
      this.say(text);
      return;
    }
    if (line.msg === 'published')
      this.say(`published commit ${line.hash?.slice(0, 10)} in ${line.ms} ms${this.#sincePush()}`);
    else if (line.msg === 'deployment') this.#tellDeployment(line);
    else if (line.error !== undefined && !TOLD_OTHERWISE.test(line.msg ?? '')) this.say(`${line.msg}: ${line.error}`);
  }

  #tellDeployment({ hash, outcome = '', reason }: LogLine): void {
    const commit = `commit ${hash?.slice(0, 10)}`;
    if (outcome === 'deployed' || outcome === 'unchanged') this.say(`${commit} is running${this.#sincePush()}`);
    else this.say(`${commit} is not deployed, the process before it keeps running: ${reason}`);
    this.#pushedAt = undefined;
    const { answered, failed } = this.#visitor;
    if (answered > 0) this.say(`the visitor had ${answered} answers and ${failed} failures so far`);
    for (const resolve of this.#waiting.splice(0)) resolve(outcome);
  }

  #sincePush(): string {
    return this.#pushedAt === undefined ? '' : `, ${Math.round(performance.now() - this.#pushedAt)} ms after the push`;
  }
}
