import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { SteeredEntry } from '../browser/documents.ts';
import { usePage } from './context.ts';
import { age, shortOid } from './format.ts';
import { formerCommits } from './history.ts';
import type { OrderName } from './orders.ts';

interface RevisionChoiceProps {
  readonly entry: SteeredEntry;
  readonly order: OrderName;
  readonly now: number;
}

const MOST_OFFERED = 12;

/** Which revision: one that was live before, or any other one by its id. */
export function RevisionChoice({ entry, order, now }: RevisionChoiceProps): JSX.Element {
  const { state, commits } = usePage();
  const { repository, completed, journal } = entry;
  const former = formerCommits(journal, order === 'revert' ? [completed] : []).slice(0, MOST_OFFERED);
  useEffect(() => {
    for (const oid of former) commits.want(repository, oid);
  });
  const textOf = (oid: string): string => {
    const known = state.commits.get(oid);
    return known ? `${shortOid(oid)} ${known.subject} (${known.author}, ${age(known.at, now)})` : oid;
  };
  return (
    <>
      <label for="to">Revision</label>
      <select id="to" name="to">
        <option value="">{order === 'revert' ? 'the one that was completed before' : 'the completed one'}</option>
        {former.map((oid) => (
          <option key={oid} value={oid}>
            {textOf(oid)}
          </option>
        ))}
      </select>
      <label for="other">Or another one, by its full id</label>
      <input
        id="other"
        name="other"
        pattern="[0-9a-f]{40}([0-9a-f]{24})?"
        autocomplete="off"
        spellcheck={false}
        class="mono"
      />
    </>
  );
}
