import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../../src/platform/clock.ts';
import { HttpClient } from '../../../../src/platform/http-client.ts';
import { Redactor } from '../../../../src/platform/redact.ts';
import { createAsk } from '../../../../src/relay/answers/asking.ts';
import { channelOf } from '../../../../src/relay/answers/channels/channel.ts';
import { DeliveryFailure } from '../../../../src/relay/answers/delivery-failure.ts';
import { eventOf, type RolloutEvent } from '../../../../src/relay/answers/rollout-event.ts';
import type { JournalEntry } from '../../../../src/relay/rollout/journal.ts';
import { httpStub } from '../../../kit/http-stub.ts';
import {
  cloudEventsStandIn,
  discordStandIn,
  matrixStandIn,
  slackStandIn,
  teamsStandIn,
} from '../../../kit/stand-ins/channels.ts';
import type { StandIn } from '../../../kit/stand-ins/stand-in.ts';
import { tempDir } from '../../../kit/temp.ts';
import { oid } from '../../rollout/kit.ts';
import { NOBODY, notification, repository, tools } from '../kit.ts';

const PATH = '/services/T000/B000/secret-part-of-the-url';
const PAGE = 'page-url: "https://relay.example/?repo={{repository}}&ref={{ref}}"';

function event(own: Partial<JournalEntry> = {}, ref = 'refs/heads/main'): RolloutEvent {
  const place = { repository: repository('h.example/team/web.git'), ref, policy: 'web' };
  const entry: JournalEntry = { at: Date.UTC(2026, 0, 2, 3, 4, 5), what: 'completed', oid: oid(1), ...own };
  return eventOf(place, entry, (text) => text);
}

function fileWith(text: string): string {
  const path = join(tempDir(), 'secret');
  writeFileSync(path, `${text}\n`);
  return path;
}

async function send(text: string, events: readonly RolloutEvent[] = [event()], more = 0, redactor = new Redactor()) {
  const channel = channelOf(notification(text), tools(redactor));
  const { authorize, hints } = channel;
  const ask = createAsk({ http: new HttpClient({}), clock: systemClock, authorize, hints }, NOBODY);
  await ask(await channel.write({ events, more }));
}

async function failureOf(sending: Promise<void>): Promise<DeliveryFailure> {
  const error: unknown = await sending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DeliveryFailure) return error;
  throw new Error(`no failure, but ${String(error)}`);
}

interface Row {
  readonly start: () => Promise<StandIn & { readonly taken: readonly string[] }>;
  readonly entry: (url: string) => string;
  /** What it would act on in a text. */
  readonly active: RegExp;
}

const incoming = (to: string) => (url: string) => `to: ${to}, url-file: ${fileWith(`${url}${PATH}`)}, ${PAGE}`;
const ROOM = '!room:example.org';
const PEOPLE: Readonly<Record<string, Row>> = {
  Slack: { start: async () => await slackStandIn(PATH), entry: incoming('slack'), active: /<[!@#]/ },
  Teams: { start: async () => await teamsStandIn(PATH), entry: incoming('teams'), active: /(?<!\\)[*[]/ },
  Discord: { start: async () => await discordStandIn(PATH), entry: incoming('discord'), active: /(?<!\\)[*[]/ },
  Matrix: {
    start: async () => await matrixStandIn(ROOM, 'matrix-token'),
    entry: (url) => `to: matrix, url: "${url}", room: "${ROOM}", token-file: ${fileWith('matrix-token')}, ${PAGE}`,
    active: /<(?!br>|a href|\/a>)/,
  },
};

describe.each(Object.entries(PEOPLE))('%s', (_name, { start, entry, active }) => {
  test('shows what happened, where and why', async () => {
    const server = await start();
    await send(entry(server.url), [event({ what: 'halted', stage: 'canary', why: 'an instance failed' })]);
    const [text = ''] = server.taken;
    expect(text).toContain('team/web main: the rollout of 01010101 has halted in stage canary: an instance failed');
  });

  test('shows several events in one message, and how many there is no room for', async () => {
    const server = await start();
    await send(entry(server.url), [event({ what: 'started' }), event()], 12);
    expect(server.taken.length).toBe(1);
    expect(server.taken[0]).toMatch(/and 12 more before[\s\S]*has started[\s\S]*is complete/);
  });

  test('acts on nothing that stands in a name or a reason', async () => {
    const server = await start();
    const why = '<!channel> <script>alert(1)</script> @everyone [x](http://evil) **bold** & more';
    await send(entry(server.url), [event({ what: 'halted', why })]);
    const [text = ''] = server.taken;
    expect(text).not.toMatch(active);
  });

  test('takes the longest message', async () => {
    const server = await start();
    const long = event({ what: 'halted', why: '&<*_['.repeat(2000) });
    await send(entry(server.url), [long, long, long, long, long]);
    expect(server.taken.length).toBe(1);
  });

  test('that is gone is an error with a hint, and the address is in no message', async () => {
    const server = await start();
    server.interrupt({ status: 410, body: 'gone' });
    const failure = await failureOf(send(entry(server.url)));
    expect(failure).toMatchObject({ verdict: 'blocked', code: 'ERR_ANSWER_REFUSED' });
    expect(`${failure.message} ${failure.hint}`).not.toContain('secret-part');
  });
});

describe('limits', () => {
  test.each([
    ['Slack', { status: 429, headers: { 'retry-after': '30' } }, 30_000],
    [
      'Discord',
      { status: 429, body: { message: 'You are being rate limited.', retry_after: 0.65, global: false } },
      650,
    ],
    ['Matrix', { status: 429, body: { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 2000 } }, 2000],
  ])('of %s are kept as it says', async (name, reply, ms) => {
    const { start, entry } = PEOPLE[name] as Row;
    const server = await start();
    server.interrupt(reply);
    expect(await failureOf(send(entry(server.url)))).toMatchObject({ verdict: 'again', retryAfterMs: ms });
  });
});

describe('Matrix', () => {
  test('gets a message once, however often it is sent', async () => {
    const server = await matrixStandIn(ROOM, 'matrix-token');
    const { entry } = PEOPLE.Matrix as Row;
    await send(entry(server.url));
    await send(entry(server.url));
    expect(new Set(server.requests.map(({ path }) => path)).size).toBe(1);
  });

  test('says that the user is not in the room', async () => {
    const server = await matrixStandIn('!another:example.org', 'matrix-token');
    const failure = await failureOf(send((PEOPLE.Matrix as Row).entry(server.url)));
    expect(failure.hint).toContain('not in the room');
  });
});

describe('an address in a file', () => {
  test('is hidden wherever it would show, its path alone too', async () => {
    const redactor = new Redactor();
    const server = await slackStandIn(PATH);
    await send((PEOPLE.Slack as Row).entry(server.url), [event()], 0, redactor);
    expect(redactor.redact(`POST ${PATH} failed`)).not.toContain('secret-part');
    expect(redactor.redact(`${server.url}${PATH}`)).not.toContain('secret-part');
  });

  test('that is none is refused with a hint, and not shown', async () => {
    const failure = await failureOf(send(`to: slack, url-file: ${fileWith('xoxb-secret-token')}`));
    expect(failure.detail).toBe('the file does not hold a URL');
    expect(failure.message).not.toContain('xoxb');
  });

  test('may be missing: the message says which file', async () => {
    const failure = await failureOf(send('to: slack, url-file: /nonexistent/slack'));
    expect(failure.message).toContain('/nonexistent/slack');
  });
});

describe('CloudEvents', () => {
  test.each(['structured', 'binary'] as const)('come in the %s mode, signed', async (mode) => {
    const server = await cloudEventsStandIn('key');
    const odd = event({ what: 'aborted', stage: 'canary', who: 'Zoë "Z"', why: '100 % über' }, 'refs/heads/ä b');
    await send(`to: cloudevents, url: "${server.url}/x", mode: ${mode}, secret-file: ${fileWith('key')}`, [odd]);
    expect(server.taken).toEqual([
      {
        ...{ specversion: '1.0', type: 'git-sidecar.rollout.aborted', source: '//h.example/team/web.git', mode },
        ...{ subject: 'refs/heads/ä b', time: '2026-01-02T03:04:05.000Z', datacontenttype: 'application/json' },
        id: odd.id,
        data: {
          ...{ event: 'aborted', repository: 'h.example/team/web.git', ref: 'refs/heads/ä b', commit: oid(1) },
          ...{ policy: 'web', stage: 'canary', who: 'Zoë "Z"', why: '100 % über', page: null },
          time: '2026-01-02T03:04:05.000Z',
          text: 'team/web ä b: the rollout of 01010101 is aborted in stage canary by Zoë "Z": 100 % über',
        },
      },
    ]);
  });

  test('with a wrong signature are refused, with a hint', async () => {
    const server = await cloudEventsStandIn('key');
    const failure = await failureOf(send(`to: cloudevents, url: "${server.url}/x", secret-file: ${fileWith('wrong')}`));
    expect(failure.verdict).toBe('blocked');
    expect(failure.hint).toContain('secret-file');
  });

  test('have the same id each time, and another one for another event', () => {
    expect(event().id).toBe(event().id);
    expect(event().id).not.toBe(event({ what: 'halted' }).id);
    expect(event().id).not.toBe(event({}, 'refs/heads/other').id);
  });
});

describe('a webhook of the user’s own', () => {
  test('gets the event as JSON where the entry has no body', async () => {
    const server = await httpStub((_request, response) => void response.end());
    await send(`to: webhook, url: "${server.url}/x", method: PUT, token-file: ${fileWith('t')}, ${PAGE}`);
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'PUT', path: '/x', headers: { authorization: 'Bearer t' } });
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      event: 'completed',
      page: 'https://relay.example/?repo=h.example%2Fteam%2Fweb.git&ref=refs%2Fheads%2Fmain',
    });
  });

  test('gets its own headers and body; values cannot break out of a JSON text', async () => {
    const server = await httpStub((_request, response) => void response.end());
    const body = `body: '{"text":"{{why}}","of":"{{ short }}"}', headers: {x-event: "{{event}} {{why}}"}`;
    const why = 'a "quote",\n{"x":1} ä';
    await send(`to: webhook, url: "${server.url}", ${body}, token-file: ${fileWith('t')}, token-header: X-Token`, [
      event({ what: 'halted', why }),
    ]);
    const [request] = server.requests;
    expect(JSON.parse(request?.body ?? '')).toEqual({ text: why, of: '01010101' });
    expect(request?.headers).toMatchObject({ 'x-event': 'halted a "quote",?{"x":1} ?', 'x-token': 't' });
  });

  test('may take a form', async () => {
    const server = await httpStub((_request, response) => void response.end());
    const form =
      'headers: {content-type: application/x-www-form-urlencoded}, escape: url, body: "ref={{ref}}&why={{why}}"';
    await send(`to: webhook, url: "${server.url}", ${form}`, [event({ why: 'a&b=c' })]);
    expect(server.requests[0]?.body).toBe('ref=refs%2Fheads%2Fmain&why=a%26b%3Dc');
  });

  test('that redirects is an error: nothing is sent elsewhere', async () => {
    const server = await httpStub(
      (_request, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    );
    const failure = await failureOf(send(`to: webhook, url: "${server.url}"`));
    expect(failure).toMatchObject({ verdict: 'blocked' });
    expect(failure.detail).toContain('a redirect, which is not followed');
  });
});
