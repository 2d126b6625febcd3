import type { JSX, TargetedEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { InstanceEntry } from '../browser/documents.ts';
import { Badge } from './badge.tsx';
import { useMedia, useNow } from './context.ts';
import { labelsOf, type Order, refOf, stateOf } from './filter.ts';
import { age, shortOid, shortRef } from './format.ts';
import { rowWindow } from './virtual-rows.ts';

/** As page.css has it. */
const ROW_HEIGHT = 36;
const NARROW_ROW_HEIGHT = 78;
const NARROW = '(max-width: 720px)';

interface RowProps {
  readonly instance: InstanceEntry;
  readonly index: number;
  readonly now: number;
}

/** What failed, and below it the lines that the process wrote last. */
function withOutput({
  reason,
  output = [],
}: {
  readonly reason: string | null;
  readonly output?: readonly string[];
}): string {
  return [reason ?? '', ...output].join('\n');
}

function noteOf(instance: InstanceEntry, state: string, now: number): string {
  const { failed, process, behindSince, connected, since } = instance;
  const failure = process?.state === 'failed' ? process : failed;
  if (state === 'failed' && failure) return withOutput(failure);
  if (!connected) return `gone for ${age(since, now)}`;
  if (process && state === 'restarting') return withOutput(process);
  if (process && state === 'starting') return `for ${age(process.since, now)}`;
  return state === 'behind' ? `for ${age(behindSince, now)}` : '';
}

function Row({ instance, index, now }: RowProps): JSX.Element {
  const state = stateOf(instance);
  const { published, running, process } = instance;
  const runs = process?.oid ?? running?.oid;
  const note = noteOf(instance, state, now);
  const labels = labelsOf(instance).join(' ');
  return (
    <tr aria-rowindex={index + 2}>
      <td class="state">
        <Badge word={state} />
      </td>
      <th scope="row" class="who" title={labels === '' ? instance.instance : `${instance.instance}\n${labels}`}>
        {instance.instance} {labels !== '' && <span class="labels">{labels}</span>}
      </th>
      <td class="where" title={`${instance.repository} ${refOf(instance)}`}>
        {shortRef(refOf(instance))} <span class="quiet">{instance.repository}</span>
      </td>
      <td class="what">
        <code title={published?.oid}>{shortOid(published?.oid)}</code>{' '}
        <span class="quiet">{published && age(published.since, now)}</span>
      </td>
      <td class="runs">{runs && <code title={runs}>{shortOid(runs)}</code>}</td>
      <td class="note" title={note}>
        {note}
      </td>
    </tr>
  );
}

/** The place of rows that are not drawn. */
function Room({ height }: { readonly height: number }): JSX.Element | null {
  return height === 0 ? null : <tr class="room" style={{ height: `${height}px` }} />;
}

const COLUMNS: readonly (readonly [text: string, className: string, order: Order | undefined])[] = [
  ['State', 'state', 'state'],
  ['Instance', 'who', 'instance'],
  ['Ref', 'where', 'ref'],
  ['Published', 'what', 'since'],
  ['Runs', 'runs', undefined],
  ['', 'note', undefined],
];

interface InstanceTableProps {
  readonly instances: readonly InstanceEntry[];
  readonly order: Order;
  readonly onOrder: (order: Order) => void;
}

export function InstanceTable({ instances, order, onOrder }: InstanceTableProps): JSX.Element {
  const now = useNow(5000);
  const rowHeight = useMedia(NARROW) ? NARROW_ROW_HEIGHT : ROW_HEIGHT;
  const box = useRef<HTMLDivElement>(null);
  // A scroll that shows no other row draws nothing anew.
  const [topRow, setTopRow] = useState(0);
  const [height, setHeight] = useState(800);
  const take = (element: HTMLDivElement): void => {
    setTopRow(Math.floor(element.scrollTop / rowHeight));
    setHeight(element.clientHeight);
  };
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => take(element));
    observer.observe(element);
    return () => observer.disconnect();
  }, [rowHeight]);
  const scrolled = ({ currentTarget }: TargetedEvent<HTMLDivElement>): void => take(currentTarget);
  const { first, end, before, after } = rowWindow(instances.length, rowHeight, topRow * rowHeight, height);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without it the keyboard cannot scroll this box in Safari (WCAG 2.1.1)
    <section class="rows-box" ref={box} tabIndex={0} aria-label="Instances" onScroll={scrolled}>
      <table class="instances" aria-rowcount={instances.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {COLUMNS.map(([text, className, by]) => (
              <th
                key={className}
                scope="col"
                class={className}
                aria-sort={by === order ? (by === 'since' ? 'descending' : 'ascending') : undefined}
              >
                {by === undefined ? (
                  text || <span class="hidden">Note</span>
                ) : (
                  <button type="button" class="plain" onClick={() => onOrder(by)}>
                    {text}
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Room height={before} />
          {instances.slice(first, end).map((instance, index) => (
            // The elements stay where they are and get other texts: to move them costs the browser more.
            <Row key={index} instance={instance} index={first + index} now={now} />
          ))}
          <Room height={after} />
        </tbody>
      </table>
      {instances.length === 0 && <p class="quiet wait">No instance is like that.</p>}
    </section>
  );
}
