import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Followed } from '../serve/inbound/match.ts';
import type { InboundOptions } from '../serve/inbound/routes.ts';
import type { Service } from '../service/service.ts';

interface Target {
  readonly name: string;
  readonly inbound: InboundOptions;
}

/** The services that notifications and triggers can be about, by name. */
function targetsOf(services: ReadonlyMap<string, Service>): Target[] {
  return [...services].flatMap(([name, { inbound }]) => (inbound ? [{ name, inbound }] : []));
}

function isSame(one: Followed, other: Followed): boolean {
  return one.url === other.url && one.refs.join(' ') === other.refs.join(' ') && one.pattern?.id === other.pattern?.id;
}

const WORST = ['failed', 'timeout', 'synced'] as const;

export interface InboundParts {
  readonly services: () => ReadonlyMap<string, Service>;
  /** They have names that users know, so a trigger can be about one of them. */
  readonly hasUnits: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One way in for all services of a process: each gets what is about it. */
export function inboundOf({ services, hasUnits, clock, log }: InboundParts): InboundOptions {
  return {
    ...(hasUnits && { unit: (name) => services().get(name)?.inbound }),
    followed: () => targetsOf(services()).flatMap(({ inbound }) => inbound.followed()),
    clock,
    log,
    wake: (reason, hint, about) => {
      for (const { inbound } of targetsOf(services())) {
        const isMeant = !about || inbound.followed().some((each) => isSame(each, about));
        if (isMeant) inbound.wake(reason, hint, about);
      }
    },
    syncNow: async (timeoutMs, hint) => {
      const targets = targetsOf(services());
      const [only, ...more] = targets;
      if (only && more.length === 0) return await only.inbound.syncNow(timeoutMs, hint);
      const answers = await Promise.all(
        targets.map(async ({ name, inbound }) => [name, await inbound.syncNow(timeoutMs, hint)] as const),
      );
      const status = WORST.find((each) => answers.some(([, answer]) => answer.status === each)) ?? 'synced';
      return { status, units: Object.fromEntries(answers) };
    },
  };
}
