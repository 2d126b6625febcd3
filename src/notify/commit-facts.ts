import type { Git } from '../git/git.ts';
import type { Oid } from '../model/oid.ts';
import type { CommitFacts } from './publish-details.ts';

/** Characters of each text: whoever writes a commit decides how long they are. */
const LONGEST_NAME = 256;
const LONGEST_SUBJECT = 1024;
const MOST_OUTPUT_BYTES = 64 * 1024;

const FIELDS = ['%an', '%ae', '%at', '%ct', '%s'].join('%x00');

export const NO_FACTS: CommitFacts = { author: null, authoredAt: null, committedAt: null, subject: null };

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most).replace(/[\ud800-\udbff]$/, '')}…` : text;
}

/** Seconds since the epoch, as git writes them; a commit can hold any number. */
function isoOf(seconds: string | undefined): string | null {
  const date = new Date(Number(seconds || Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** @param output of `git log` with {@link FIELDS} */
function parseFacts(output: string): CommitFacts {
  const [name = '', email = '', authored, committed, subject = ''] = output.replace(/\n$/, '').split('\0');
  return {
    author: { name: cut(name, LONGEST_NAME), email: cut(email, LONGEST_NAME) },
    authoredAt: isoOf(authored),
    committedAt: isoOf(committed),
    subject: cut(subject, LONGEST_SUBJECT),
  };
}

/**
 * Reads a commit (git-log, "PRETTY FORMATS"); texts in other encodings that the commit names become UTF-8.
 * @throws SidecarError as git fails
 */
export async function readCommitFacts(
  git: Git,
  gitDir: string,
  oid: Oid,
  limits: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<CommitFacts> {
  const how = ['--no-walk', '--no-show-signature', '--no-notes', '--no-patch', '--encoding=UTF-8'];
  const { stdout } = await git.run(['--git-dir', gitDir, 'log', ...how, `--format=${FIELDS}`, oid, '--'], {
    op: 'read the commit',
    target: oid,
    ...limits,
    maxOutputBytes: MOST_OUTPUT_BYTES,
  });
  return parseFacts(stdout);
}
