import type { Oid } from '../../model/oid.ts';
import { visibleText } from '../../platform/visible-text.ts';
import type { CommitLine } from '../server/mirror/mirror-commits.ts';
import type { CommitDocument } from './documents.ts';

/** What of a follower is needed here. */
interface CommitSource {
  /** The first line, the author and the time of each commit that is here. */
  describeCommits(oids: readonly Oid[]): Promise<ReadonlyMap<Oid, CommitLine>>;
}

/** Commits do not change. */
const MOST_REMEMBERED = 5000;
/** In characters. */
const LONGEST_SUBJECT = 200;
const LONGEST_AUTHOR = 80;

/** Subject, author and time of commits; each is read from the mirror once, while there is room to remember it. */
export class CommitFacts {
  readonly #known = new Map<Oid, CommitDocument>();

  async read(source: CommitSource, oids: readonly Oid[]): Promise<Readonly<Record<string, CommitDocument>>> {
    const missing = oids.filter((oid) => !this.#known.has(oid));
    const found = new Map(oids.flatMap((oid) => this.#entry(oid)));
    if (missing.length > 0)
      for (const [oid, raw] of await source.describeCommits(missing)) {
        const commit = documentOf(raw);
        found.set(oid, commit);
        this.#remember(oid, commit);
      }
    return Object.fromEntries(found);
  }

  #entry(oid: Oid): [Oid, CommitDocument][] {
    const known = this.#known.get(oid);
    return known ? [[oid, known]] : [];
  }

  #remember(oid: Oid, commit: CommitDocument): void {
    this.#known.set(oid, commit);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST_REMEMBERED) return;
      this.#known.delete(oldest);
    }
  }
}

function documentOf({ subject, author, committedAt }: CommitLine): CommitDocument {
  const time = new Date(committedAt * 1000);
  return {
    subject: shortened(subject, LONGEST_SUBJECT),
    author: shortened(author, LONGEST_AUTHOR),
    // A commit may claim any time.
    at: Number.isNaN(time.getTime()) ? new Date(0).toISOString() : time.toISOString(),
  };
}

function shortened(text: string, most: number): string {
  const visible = visibleText(text);
  return visible.length > most ? `${visible.slice(0, most - 1)}…` : visible;
}
