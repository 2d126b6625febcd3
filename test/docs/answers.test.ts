import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  CHANNELS,
  EVENT_NAMES,
  FORGES,
  type NotificationConfig,
  PLACEHOLDERS,
} from '../../src/config/answer-config.ts';
import { parseRolloutFile } from '../../src/config/document/read-rollout-file.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { HttpClient } from '../../src/platform/http-client.ts';
import { createAsk } from '../../src/relay/answers/asking.ts';
import { channelOf } from '../../src/relay/answers/channels/channel.ts';
import { DeliveryFailure } from '../../src/relay/answers/delivery-failure.ts';
import { eventOf } from '../../src/relay/answers/rollout-event.ts';
import { argoStandIn, fluxStandIn } from '../kit/stand-ins/channels.ts';
import { tempDir } from '../kit/temp.ts';
import { NOBODY, repository, tools } from '../relay/answers/kit.ts';
import { oid } from '../relay/rollout/kit.ts';

const PAGE = readFileSync('docs/answers.md', 'utf8');
const EXAMPLES = [...PAGE.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
const POLICY = 'rollouts:\n- {name: web, repository: "h.example/*", refs: main}\n';

/** The entry of this name, with its secrets in `directory` and its URL as the test has it. */
function recipe(name: string, directory: string, url?: string): NotificationConfig {
  const example = EXAMPLES.find((each) => each.includes(`name: ${name}\n`)) ?? '';
  const text = example
    .replaceAll('/secrets/', `${directory}/`)
    .replace(/url: https:\S+/, `url: ${url ?? 'https://unused.example'}`);
  const [config] = parseRolloutFile('rollouts.yaml', `${POLICY}${text}`).notifications;
  if (!config) throw new Error(`no recipe ${name}`);
  return config;
}

async function send(config: NotificationConfig): Promise<void> {
  const channel = channelOf(config, tools());
  const { authorize, hints } = channel;
  const place = { repository: repository('git.example.com/team/web.git'), ref: 'refs/heads/main', policy: 'web' };
  const event = eventOf(place, { at: 0, what: 'completed', oid: oid(1) }, (text) => text);
  const question = await channel.write({ events: [event], more: 0 });
  await createAsk({ http: new HttpClient({}), clock: systemClock, authorize, hints }, NOBODY)(question);
}

function secrets(texts: Readonly<Record<string, string>>): string {
  const directory = join(tempDir(), 'secrets');
  mkdirSync(directory);
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(directory, name), text);
  return directory;
}

describe('docs/answers.md', () => {
  test('has examples that are read without complaint', () => {
    expect(EXAMPLES.length).toBe(3);
    for (const example of EXAMPLES)
      parseRolloutFile('rollouts.yaml', example.startsWith('rollouts:') ? example : `${POLICY}${example}`);
  });

  test('names every forge, receiver, event and placeholder', () => {
    const names = [
      ...FORGES,
      ...CHANNELS,
      ...EVENT_NAMES.filter((name) => name !== 'policy'),
      ...Object.keys(PLACEHOLDERS),
    ];
    expect(names.filter((name) => !PAGE.includes(`\`${name}\``) && !PAGE.includes(`{{${name}}}`))).toEqual([]);
  });

  test('has a recipe that wakes a receiver of Flux, signed as it wants', async () => {
    const server = await fluxStandIn('/hook/0123abcd', 'flux-key');
    const directory = secrets({
      'flux-receiver-url': `${server.url}/hook/0123abcd`,
      'flux-receiver-token': 'flux-key',
    });
    await send(recipe('flux', directory));
    expect(server.taken.length).toBe(1);
    writeFileSync(join(directory, 'flux-receiver-token'), 'another key');
    await expect(send(recipe('flux', directory))).rejects.toThrow(DeliveryFailure);
  });

  test('says what to leave out for a receiver of Flux that wants no signature', async () => {
    const server = await fluxStandIn('/hook/0123abcd');
    const directory = secrets({ 'flux-receiver-url': `${server.url}/hook/0123abcd` });
    await send({ ...recipe('flux', directory), secretFile: undefined });
    expect(server.requests[0]?.headers['x-signature']).toBeUndefined();
    expect(server.taken.length).toBe(1);
  });

  test('has a recipe that lets Argo CD look at the commit, as a push of GitHub does', async () => {
    const server = await argoStandIn('argo-key');
    const directory = secrets({ 'argocd-webhook-secret': 'argo-key' });
    await send(recipe('argo-cd', directory, `${server.url}/api/webhook`));
    expect(server.taken).toEqual([{ url: 'https://git.example.com/team/web', revision: 'main', after: oid(1) }]);
  });
});
