import { createHash } from 'node:crypto';
import { AGENT } from '../../platform/version.ts';
import { createPoller } from '../../poll/create-poller.ts';
import { createNativePoll } from '../../poll/native-poll.ts';
import type { RefSource } from '../../poll/ref-source.ts';
import { SharedAnswers } from '../../poll/shared-answers.ts';
import { SharedSource } from '../../poll/shared-source.ts';
import { credentialsOf } from '../../remote/git-access.ts';
import type { SourceWiring } from './source.ts';

/** The same for two syncs if and only if the git server cannot distinguish them. */
function keyOf({ config }: SourceWiring): string {
  const { remote, ssh, git, gitConfig, gitConfigAdd, environment, mode } = config;
  const access = { ...credentialsOf(config), ssh, git, gitConfig, gitConfigAdd };
  const text = JSON.stringify([remote.fetchUrl, remote.userinfo, mode, environment, access]);
  // It holds secrets.
  return createHash('sha256').update(text).digest('hex');
}

/** The git server as a source, over one connection and with one question a period for all syncs of this repository. */
export async function sharedSource(wiring: SourceWiring): Promise<RefSource> {
  const { config, git, log, clock, withoutDefaults, leases, wake } = wiring;
  const access = { ...config, withoutDefaults };
  const key = keyOf(wiring);
  const connection = await leases.lease(`connection ${key}`, async () => {
    const value = await createNativePoll(access, git, AGENT, clock.now);
    return { value, end: () => value.native?.close() };
  });
  const answers = await leases.lease(`answers ${key}`, async () => {
    return { value: new SharedAnswers(clock), end: () => undefined };
  });
  const membership = answers.value.join({ periodMs: config.periodMs, onMoved: wake });
  const poller = await createPoller(access, git, log, clock, connection.value);
  return new SharedSource({
    poller,
    membership: {
      ...membership,
      leave: () => {
        membership.leave();
        answers.release();
        connection.release();
      },
    },
    shownUrl: config.remote.shownUrl,
  });
}
