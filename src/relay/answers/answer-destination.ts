import { createHash } from 'node:crypto';
import type { AnswerConfig } from '../../config/answer-config.ts';
import { createAsk } from './asking.ts';
import type { CommitStatus } from './commit-status.ts';
import { compileAudience, type Destination, refKey } from './destination.ts';
import type { DestinationTools } from './destination-tools.ts';
import { forgeOf } from './forges/forge.ts';
import type { ShownStatus } from './forges/forge-api.ts';
import type { DestinationLedger } from './ledger.ts';
import type { Batch } from './queue.ts';
import { Sender } from './sender.ts';
import { fillTemplate, valuesOfCommit } from './template.ts';

/** Commits of one repository whose status may wait. */
const MOST_PENDING = 50;
/** Most forges say so when a commit is gone; the others of the repository do not wait for it. */
const NO_COMMIT = [404, 410];
/** Statuses that are remembered, so that the same one is not sent again. */
const MOST_SENT = 2000;

function shownOf(status: CommitStatus, { context, pageUrl }: AnswerConfig): ShownStatus {
  const values = valuesOfCommit(status, status.oid, pageUrl);
  return { ...status, context: fillTemplate(context, values, 'none'), page: values.page || undefined };
}

function keyOf({ repository, oid, context }: ShownStatus): string {
  return `${repository}\n${oid}\n${context}`;
}

/** An entry of `answers`. */
export function answerDestination(
  config: AnswerConfig,
  ledger: DestinationLedger,
  tools: DestinationTools,
): Destination {
  const { clock, http } = tools;
  const sent = new Map([...ledger.last].map(({ key, digest }) => [key, digest]));
  const forge = forgeOf(config, tools);
  const digestOf = ({ state, text }: ShownStatus): string => {
    const shown = forge.keepsText ? state : `${state}\n${text}`;
    return createHash('sha256').update(shown).digest('hex').slice(0, 24);
  };
  const remember = (status: ShownStatus): void => {
    const [key, digest] = [keyOf(status), digestOf(status)];
    sent.delete(key);
    sent.set(key, digest);
    const [oldest] = sent.keys();
    if (sent.size > MOST_SENT && oldest !== undefined) sent.delete(oldest);
    ledger.setLast(refKey(status), { key, digest });
  };
  const deliver = async ({ items: [item] }: Batch<ShownStatus>, signal: AbortSignal): Promise<void> => {
    if (!item || sent.get(item.key) === digestOf(item.value)) return;
    const { authorize, hints, alwaysResets } = forge;
    const options = { http, clock, authorize, hints, alwaysResets, ofMessage: NO_COMMIT };
    await forge.send(item.value, createAsk(options, signal));
    remember(item.value);
  };
  const sender = new Sender<ShownStatus>({
    ...tools.senderOptions(config.to, config.name),
    most: MOST_PENDING,
    together: 1,
    files: [config.tokenFile],
    deliver,
  });
  const put = (status: CommitStatus, marks: Parameters<Destination['take']>[2][]): void => {
    const shown = shownOf(status, config);
    sender.put({ lane: status.repository, key: keyOf(shown), group: refKey(status), value: shown, marks });
  };
  return {
    id: `answers/${config.name}`,
    digest: JSON.stringify(config),
    kind: config.to,
    get pending() {
      return sender.pending;
    },
    isFor: compileAudience(config),
    wants: (_event, statuses) => statuses.length,
    take: (_event, statuses, mark) => {
      for (const status of statuses) put(status, [mark]);
    },
    progress: (status) => put(status, []),
    refresh: async () => await sender.refresh(),
    close: async () => await sender.close(),
  };
}
