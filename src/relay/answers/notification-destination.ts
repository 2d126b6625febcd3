import type { NotificationConfig } from '../../config/answer-config.ts';
import { createAsk } from './asking.ts';
import { channelOf } from './channels/channel.ts';
import { compileAudience, type Destination, refKey } from './destination.ts';
import type { DestinationTools } from './destination-tools.ts';
import type { RolloutEvent } from './rollout-event.ts';
import { Sender } from './sender.ts';

/** Events that may wait. */
const MOST_PENDING = 200;
/** Lines of one message; where there are more, it says how many. */
const MOST_LINES = 5;
/** A batch may be longer than a message shows. */
const MOST_TOGETHER = 1000;

/** An entry of `notifications`. */
export function notificationDestination(config: NotificationConfig, tools: DestinationTools): Destination {
  const { clock, http } = tools;
  const channel = channelOf(config, tools);
  const sender = new Sender<RolloutEvent>({
    ...tools.senderOptions(config.channel.to, config.name),
    most: MOST_PENDING,
    together: channel.isForPeople ? MOST_TOGETHER : 1,
    files: [config.urlFile, config.tokenFile, config.secretFile],
    deliver: async ({ items, more }, signal) => {
      const events = items.map(({ value }) => value);
      const shown = events.slice(-MOST_LINES);
      const ask = createAsk({ http, clock, authorize: channel.authorize, hints: channel.hints }, signal);
      await ask(await channel.write({ events: shown, more: more + events.length - shown.length }));
    },
  });
  return {
    id: `notifications/${config.name}`,
    digest: JSON.stringify(config),
    kind: config.channel.to,
    get pending() {
      return sender.pending;
    },
    isFor: compileAudience(config),
    wants: ({ event }) => (config.events.includes(event) ? 1 : 0),
    take: (event, _statuses, mark) => {
      if (config.events.includes(event.event))
        sender.put({ lane: '', key: event.id, group: refKey(event), value: event, marks: [mark] });
    },
    progress: () => undefined,
    refresh: async () => await sender.refresh(),
    close: async () => await sender.close(),
  };
}
