import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Below } from '../platform/below.ts';
import { removeFileBelow, renameBelow, writeBelow } from '../platform/files-below.ts';
import { type Journal, parseJournal, renderJournal } from './journal.ts';
import { type DirectoryMark, type Ledger, parseLedger, readIfThere, renderLedger } from './ledger.ts';

/**
 * `staging`: files are being written under temporary names, and nothing else has changed. `applying`: all of them are
 * there, and take their places.
 */
export type Phase = 'staging' | 'applying';

export interface RecordsOptions {
  /** Real path of the directory that is kept. */
  readonly directory: string;
  /** Where the records are: below `root`, whose real path this is. */
  readonly root: string;
  readonly records: string;
}

/** What is remembered about a directory that is kept: what is ours in it, and the update that is under way. */
export class Records {
  readonly #options: RecordsOptions;

  constructor(options: RecordsOptions) {
    this.#options = options;
  }

  /** The mark of the directory that is there now. */
  get mark(): DirectoryMark {
    const { ino, birthtimeMs } = statSync(this.#options.directory);
    return { ino, birthtimeMs };
  }

  /** undefined when there is none, or it is about another directory. */
  async ledger(): Promise<Ledger | undefined> {
    const bytes = await readIfThere(this.#place('ledger'));
    const ledger = bytes && parseLedger(bytes);
    return ledger && this.#isAbout(ledger.head.directory) ? ledger : undefined;
  }

  /** It is on the disk when this resolves: a lost ledger would make all that is ours look foreign. */
  async keep(ledger: Ledger): Promise<void> {
    await writeBelow(this.#place('ledger'), renderLedger(ledger), { flush: true });
  }

  /** undefined when there is none, or it is about another directory, with which nothing can go on in this one. */
  async journal(phase: Phase): Promise<Journal | undefined> {
    const text = (await readIfThere(this.#place(phase)))?.toString();
    const journal = text === undefined ? undefined : parseJournal(text);
    return journal && this.#isAbout(journal.head.directory) ? journal : undefined;
  }

  async begin(journal: Journal): Promise<void> {
    await writeBelow(this.#place('staging'), renderJournal(journal), { flush: true });
  }

  /** From here on the update goes on, whoever does it. */
  async commit(): Promise<void> {
    await renameBelow(this.#options.root, this.#place('staging').path, this.#place('applying').path);
  }

  async end(phase: Phase): Promise<void> {
    await removeFileBelow(this.#place(phase));
  }

  #isAbout({ ino, birthtimeMs }: DirectoryMark): boolean {
    const { mark } = this;
    return ino === mark.ino && birthtimeMs === mark.birthtimeMs;
  }

  #place(name: 'ledger' | Phase): Below & { readonly path: string } {
    const { root, records } = this.#options;
    return { root, path: join(records, `into.${name}`) };
  }
}
