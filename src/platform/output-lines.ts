import type { Redactor } from './redact.ts';
import { visibleLines } from './visible-text.ts';

/** More is passed on before its line has ended. */
const LONGEST_LINE = 16 * 1024;
/** Longer than any spelling of a secret that is cut where a long line is divided. */
const KEPT_BACK = 4 * 1024;

/**
 * Passes on what a program prints: without secrets, also when one comes in pieces, and with nothing in it that a
 * terminal acts on, other than line ends and tabs.
 */
export class OutputLines {
  readonly #redactor: Redactor;
  readonly #write: (text: string) => void;
  /** The line that has not ended. */
  #rest = '';

  constructor(redactor: Redactor, write: (text: string) => void) {
    this.#redactor = redactor;
    this.#write = write;
  }

  take(chunk: string): void {
    const text = this.#rest + chunk;
    const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1;
    this.#rest = text.slice(end);
    if (end > 0) this.#pass(text.slice(0, end));
    if (this.#rest.length <= LONGEST_LINE) return;
    const long = this.#redactor.redact(this.#rest);
    this.#rest = long.slice(-KEPT_BACK);
    this.#write(visibleLines(long.slice(0, -KEPT_BACK)));
  }

  /** Passes on what is left. */
  end(): void {
    const rest = this.#rest;
    this.#rest = '';
    if (rest !== '') this.#pass(rest);
  }

  #pass(text: string): void {
    // Line by line: one that begins or ends with a part of a secret is looked at as such.
    const lines = text.split(/(?<=[\r\n])/);
    this.#write(visibleLines(lines.map((line) => this.#redactor.redact(line)).join('')));
  }
}
