import type { JSX } from 'preact';
import type { SteeredEntry } from '../browser/documents.ts';
import { Badge, toneOf } from './badge.tsx';
import { Commit } from './commit.tsx';
import { duration, shortOid } from './format.ts';
import { type Passage, passagesOf } from './history.ts';

interface Props {
  readonly entry: SteeredEntry;
  readonly now: number;
}

const MOST_SHOWN = 12;

function lengthOf({ from, to }: Passage, now: number): number {
  return Math.max(0, (to ?? now) - from);
}

/** Whole rollouts, with how long each took; the bar compares them. */
export function History({ entry, now }: Props): JSX.Element | null {
  const passages = passagesOf(entry.journal).slice(0, MOST_SHOWN);
  if (passages.length === 0) return null;
  const longest = Math.max(1, ...passages.map((each) => lengthOf(each, now)));
  return (
    <section aria-labelledby="history">
      <h2 id="history">History</h2>
      <ol class="passages">
        {passages.map((passage) => (
          <li key={`${passage.oid} ${passage.from}`}>
            <Badge word={passage.outcome} />
            <span class="long">
              <span class="bar" aria-hidden="true">
                <span
                  class={toneOf(passage.outcome)}
                  style={{ width: `${Math.max(1, (lengthOf(passage, now) / longest) * 100)}%` }}
                />
              </span>
              {duration(lengthOf(passage, now))}
            </span>
            <Commit repository={entry.repository} oid={passage.oid} now={now} />
            <time class="quiet end" dateTime={new Date(passage.from).toISOString()}>
              {localTime(passage.from)}
            </time>
          </li>
        ))}
      </ol>
    </section>
  );
}

const FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: 'short', timeStyle: 'medium' });

function localTime(at: number): string {
  return FORMAT.format(at);
}

export function Journal({ entry }: Props): JSX.Element {
  return (
    <section aria-labelledby="journal">
      <h2 id="journal">Journal</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              <th scope="col">Commit</th>
              <th scope="col">Who and why</th>
            </tr>
          </thead>
          <tbody>
            {entry.journal.map(({ at, what, who, why, oid, stage }, index) => (
              <tr key={`${entry.journal.length - index} ${at}`}>
                <td class="quiet">{localTime(at)}</td>
                <td>
                  {what}
                  {stage !== undefined && <span class="quiet"> {stage}</span>}
                </td>
                <td>
                  <code title={oid}>{shortOid(oid)}</code>
                </td>
                <td class="reason">
                  {who !== undefined && <strong>{who}: </strong>}
                  {why}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
