import type { JSX } from 'preact';
import type { SteeredEntry } from '../browser/documents.ts';
import { Badge } from './badge.tsx';
import { Commit } from './commit.tsx';
import { useNow, usePage } from './context.ts';
import { EVERYTHING } from './filter.ts';
import { ago, shortRef } from './format.ts';
import { History, Journal } from './journal.tsx';
import { OrderBar } from './order-bar.tsx';
import { Revisions } from './revisions.tsx';
import { Stages } from './stages.tsx';
import { rolloutKey } from './state.ts';
import { writeView } from './view.ts';

function Failures({ entry, now }: { readonly entry: SteeredEntry; readonly now: number }): JSX.Element | null {
  if (entry.failures.length === 0) return null;
  return (
    <section aria-labelledby="failures">
      <h2 id="failures">Failures</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Instance</th>
              <th scope="col">Stage</th>
              <th scope="col">Reason</th>
              <th scope="col">When</th>
            </tr>
          </thead>
          <tbody>
            {[...entry.failures].reverse().map(({ instance, stage, reason, at }) => (
              <tr key={`${instance} ${at}`}>
                <td>{instance}</td>
                <td>{stage}</td>
                <td class="reason">{reason}</td>
                <td class="quiet">{ago(at, now)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Facts({ entry, now }: { readonly entry: SteeredEntry; readonly now: number }): JSX.Element {
  const { repository, ref, oid, from, completed, tip, policy, unavailable, maxUnavailable, queued, refused } = entry;
  const commit = (value: string | null): JSX.Element => <Commit repository={repository} oid={value} now={now} />;
  const rows: (readonly [string, JSX.Element | string])[] = [
    [from === null ? 'Revision' : 'Rolls out', commit(oid)],
    ...(from === null ? [] : [['Replaces', commit(from)] as const]),
    ...(completed !== null && completed !== oid && completed !== from
      ? [['Completed', commit(completed)] as const]
      : []),
    ...(tip !== null && tip !== oid ? [['Newest commit', commit(tip)] as const] : []),
    ...queued.slice(0, 3).map((each) => ['Waits', commit(each)] as const),
    ...refused.slice(-3).map((each) => ['Refused', commit(each)] as const),
    ['Policy', policy],
    ['Unavailable', `${unavailable} of at most ${maxUnavailable}`],
  ];
  const instances = writeView({ kind: 'instances', filter: { ...EVERYTHING, repository, ref } });
  return (
    <dl class="rows">
      {rows.map(([name, value], index) => (
        <div key={`${index} ${name}`}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
      <div>
        <dt>Instances</dt>
        <dd>
          <a href={instances}>all of this ref</a>,{' '}
          <a href={writeView({ kind: 'instances', filter: { ...EVERYTHING, repository, ref, state: 'behind' } })}>
            those behind
          </a>
        </dd>
      </div>
    </dl>
  );
}

interface RolloutViewProps {
  readonly repository: string;
  readonly gitRef: string;
}

export function RolloutView({ repository, gitRef }: RolloutViewProps): JSX.Element {
  const { state } = usePage();
  const now = useNow(1000);
  const entry = state.rollouts.get(rolloutKey({ repository, ref: gitRef }));
  if (!entry)
    return (
      <p class="quiet wait">
        No policy is about {repository} {shortRef(gitRef)}, or it is not for you. <a href="#/">Overview</a>
      </p>
    );
  return (
    <>
      <h1>
        {repository} <span class="ref">{shortRef(gitRef)}</span>
      </h1>
      <p class="standing" role="status">
        <Badge word={entry.status} /> <span>{entry.why}</span>{' '}
        {entry.since && <span class="quiet">{ago(entry.since, now)}</span>}
      </p>
      <OrderBar entry={entry} now={now} />
      <Stages entry={entry} now={now} />
      <Facts entry={entry} now={now} />
      <Failures entry={entry} now={now} />
      <Revisions entry={entry} now={now} />
      <History entry={entry} now={now} />
      <Journal entry={entry} now={now} />
    </>
  );
}
