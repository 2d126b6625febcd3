import type { JSX } from 'preact';
import { useNow, usePage } from './context.ts';
import { EVERYTHING, type InstanceState, stateOf } from './filter.ts';
import { count, duration } from './format.ts';
import { RepositoryTable } from './repository-table.tsx';
import { RolloutList } from './rollout-list.tsx';
import type { State } from './state.ts';
import { writeView } from './view.ts';

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
  readonly href?: string;
  readonly tone?: string;
}

function Figure({ name, value, note, href, tone = '' }: FigureProps): JSX.Element {
  return (
    <div class={`figure ${tone}`}>
      <dt>{name}</dt>
      <dd>
        {href === undefined ? value : <a href={href}>{value}</a>}
        {note !== undefined && <span class="quiet"> {note}</span>}
      </dd>
    </div>
  );
}

function countStates(state: State): Readonly<Record<InstanceState, number>> {
  const counts = { current: 0, behind: 0, starting: 0, restarting: 0, failed: 0, gone: 0 };
  for (const instance of state.instances.values()) counts[stateOf(instance)] += 1;
  return counts;
}

function Figures({ now }: { readonly now: number }): JSX.Element {
  const { state } = usePage();
  const { relay } = state;
  const { current, behind, restarting, failed, gone } = countStates(state);
  const of = (chosen: InstanceState): string =>
    writeView({ kind: 'instances', filter: { ...EVERYTHING, state: chosen } });
  const number = (value: number): string => value.toLocaleString('en');
  return (
    <dl class="figures">
      <Figure
        name="Current"
        value={number(current)}
        note={`of ${number(state.instances.size - gone)}`}
        href={of('current')}
      />
      <Figure name="Behind" value={number(behind)} href={of('behind')} tone={behind > 0 ? 'warn' : ''} />
      <Figure
        name="Failed"
        value={number(failed)}
        {...(restarting > 0 && { note: `${number(restarting)} restarting` })}
        href={of('failed')}
        tone={failed > 0 ? 'bad' : ''}
      />
      <Figure name="Streams" value={number(relay?.subscribers ?? 0)} />
      <Figure name="Requests upstream" value={number(relay?.requestsSent ?? 0)} />
      <Figure
        name="Saved upstream"
        value={number((relay?.pollsSaved ?? 0) + (relay?.fetchesAnswered ?? 0))}
        note={`${count(relay?.pollsSaved ?? 0, 'poll')}, ${count(relay?.fetchesAnswered ?? 0, 'fetch', 'fetches')}`}
      />
      {relay && <Figure name="Up" value={duration(now - Date.parse(relay.startedAt))} note={relay.version} />}
    </dl>
  );
}

export function Overview(): JSX.Element {
  const now = useNow(5000);
  return (
    <>
      <h1 class="hidden">The fleet of this relay</h1>
      <Figures now={now} />
      <RolloutList now={now} />
      <RepositoryTable now={now} />
    </>
  );
}
