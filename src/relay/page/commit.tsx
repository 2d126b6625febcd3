import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { usePage } from './context.ts';
import { ago, shortOid } from './format.ts';

interface CommitProps {
  readonly repository: string;
  readonly oid: string | null;
  readonly now: number;
}

/** A commit as people recognise it, as far as the relay can say. */
export function Commit({ repository, oid, now }: CommitProps): JSX.Element {
  const { state, commits } = usePage();
  useEffect(() => {
    if (oid !== null) commits.want(repository, oid);
  }, [commits, repository, oid]);
  if (oid === null) return <span class="quiet">nothing yet</span>;
  const known = state.commits.get(oid);
  return (
    <span class="commit">
      <code title={oid}>{shortOid(oid)}</code>
      {known && (
        <>
          <span class="subject">{known.subject}</span>
          <span class="quiet">
            {known.author}, {ago(known.at, now)}
          </span>
        </>
      )}
    </span>
  );
}
