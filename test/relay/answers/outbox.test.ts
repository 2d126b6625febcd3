import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parseRolloutFile } from '../../../src/config/document/read-rollout-file.ts';
import { HttpClient } from '../../../src/platform/http-client.ts';
import type { LogFields, Logger } from '../../../src/platform/log.ts';
import { Redactor } from '../../../src/platform/redact.ts';
import { visibleText } from '../../../src/platform/visible-text.ts';
import { NO_STANDING, stepBy } from '../../../src/relay/answers/commit-status.ts';
import { Ledger } from '../../../src/relay/answers/ledger.ts';
import { Outbox } from '../../../src/relay/answers/outbox.ts';
import { shortRef } from '../../../src/relay/answers/rollout-event.ts';
import type { GovernedState } from '../../../src/relay/rollout/governed-state.ts';
import type { GovernedView } from '../../../src/relay/rollout/governed-view.ts';
import type { JournalEntry } from '../../../src/relay/rollout/journal.ts';
import { HandClock } from '../../kit/hand-clock.ts';
import { discordStandIn } from '../../kit/stand-ins/channels.ts';
import { type ForgeStandIn, githubStandIn, gitlabStandIn } from '../../kit/stand-ins/forges.ts';
import { tempDir } from '../../kit/temp.ts';
import { until } from '../../peers/wait.ts';
import { oid } from '../rollout/kit.ts';
import { repository } from './kit.ts';

const HOOK = '/hook/secret-part-of-the-url';
const REF = 'refs/heads/main';
const PLACE = { repository: repository('h.example/team/web.git'), ref: REF, policy: 'web' };
const open: Outbox[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map(async (each) => await each.close()));
});

/** The state that a ref has after this journal. */
function stateOf(journal: readonly JournalEntry[]): GovernedState {
  let standing = NO_STANDING;
  for (const entry of journal) standing = stepBy(standing, entry).standing;
  const { completed, underWay, startedAt } = standing;
  const rollout = underWay === undefined ? undefined : { oid: underWay, startedAt };
  return { journal, completed: completed && { oid: completed, at: 0 }, rollout } as unknown as GovernedState;
}

/** What survives a relay: its root, the journals, the servers and the clock. */
async function setUp() {
  const dir = tempDir();
  const github = await githubStandIn();
  const discord = await discordStandIn(HOOK);
  const files = { token: join(dir, 'token'), hook: join(dir, 'hook') };
  writeFileSync(files.token, 'good-token');
  writeFileSync(files.hook, `${discord.url}${HOOK}`);
  const journal: JournalEntry[] = [];
  const clock = new HandClock();
  const complaints: string[] = [];
  const metrics: Record<string, number> = {};
  let view: GovernedView | undefined;
  const redactor = new Redactor();
  redactor.add('hunter2-hunter2');
  const log: Logger = {
    info: () => undefined,
    warn: () => undefined,
    error: (error, message, fields?: LogFields) =>
      void complaints.push(`${String(error)} ${message} ${JSON.stringify(fields)}`),
    shows: () => false,
  };
  const answers = `answers:\n- {name: hub, to: github, repository: "h.example/**", url: "${github.url}", token-file: ${files.token}}\n`;
  const chat = `notifications:\n- {name: chat, to: discord, url-file: ${files.hook}, events: all}\n`;
  const fileOf = (text: string) =>
    parseRolloutFile('rollouts.yaml', `rollouts:\n- {name: web, repository: "h.example/*", refs: main}\n${text}`);
  const start = async (text = answers + chat, isDeciding: boolean | (() => boolean) = true): Promise<Outbox> => {
    const outbox = new Outbox({
      ...{ clock, log, random: () => 0.5, http: new HttpClient({}), githubApp: undefined },
      ledger: new Ledger(dir, log),
      learn: (secret) => redactor.addRenewed(secret),
      metrics: {
        count: (_name, { kind = '', result = '' } = {}) => {
          metrics[`${kind} ${result}`] = (metrics[`${kind} ${result}`] ?? 0) + 1;
        },
        set: (_name, value, { kind = '' } = {}) => {
          metrics[`${kind} pending`] = value;
        },
        ...{ setOnly: () => undefined, observe: () => undefined, keep: () => undefined },
      },
      states: () => (journal.length === 0 ? [] : [{ ...PLACE, state: stateOf(journal) }]),
      view: () => view,
      isDeciding: typeof isDeciding === 'boolean' ? () => isDeciding : isDeciding,
      clean: (dirty) => redactor.redact(visibleText(dirty)),
    });
    open.push(outbox);
    await outbox.open(fileOf(text));
    return outbox;
  };
  const note = (outbox: Outbox | undefined, what: JournalEntry['what'], own: Partial<JournalEntry> = {}): void => {
    const entry = { at: clock.now(), what, oid: oid(2), ...own };
    journal.push(entry);
    outbox?.note(PLACE, entry);
  };
  const show = (own: Partial<GovernedView>): void => {
    const stage = {
      name: 'canary',
      state: 'open',
      instances: 40,
      released: 12,
      done: 12,
      failed: 0,
      lost: 0,
      open: [],
    };
    view = {
      status: 'running',
      why: '',
      oid: oid(2),
      stage: 'canary',
      stages: [stage],
      ...own,
    } as unknown as GovernedView;
  };
  /** Lets time pass until something is so. */
  const eventually = async (what: string, is: () => boolean, stepMs = 1000): Promise<void> => {
    await until(what, async () => {
      if (is()) return true;
      await clock.advance(stepMs);
      return is();
    });
  };
  const states = (): readonly string[] => github.statuses.map(({ state, text }) => `${state}: ${text}`);
  return {
    dir,
    github,
    discord,
    files,
    journal,
    clock,
    complaints,
    metrics,
    answers,
    chat,
    fileOf,
    start,
    note,
    show,
    eventually,
    states,
  };
}

async function end(outbox: Outbox): Promise<void> {
  open.splice(open.indexOf(outbox), 1);
  await outbox.close();
}

const settled = (github: ForgeStandIn, state: string) => () => github.statuses.at(-1)?.state === state;

describe('a rollout', () => {
  test('is shown beside its commit, and in a chat', async () => {
    const { start, note, show, eventually, states, discord, metrics, github } = await setUp();
    const outbox = await start();
    note(outbox, 'started');
    note(outbox, 'opened', { stage: 'canary' });
    show({});
    outbox.look();
    await eventually('the progress is there', () => states().some((text) => text.includes('12 of 40 instances')));
    note(outbox, 'completed');
    await eventually('it is a success', settled(github, 'success'));
    await eventually('the chat has it', () => discord.taken.join('\n').includes('is complete'));
    expect(states().at(-1)).toMatch(/^success: Rolled out to all instances/);
    await eventually('all three events are sent', () => metrics['discord sent'] === 3);
    expect(github.statuses[0]).toMatchObject({ place: 'team/web', context: `git-sidecar/web/${shortRef(REF)}` });
  });

  test('sends what changed and nothing else, and its progress not too often', async () => {
    const { start, note, show, clock, github, answers, metrics } = await setUp();
    const outbox = await start(answers);
    note(outbox, 'started');
    note(outbox, 'opened', { stage: 'canary' });
    for (let second = 0; second < 120; second += 1) {
      show({ stages: [{ name: 'canary', state: 'open', instances: 400, done: Math.floor(second / 2) }] as never });
      outbox.look();
      await clock.advance(1000);
      await until('nothing is on its way', () => {
        outbox.showMetrics();
        return metrics['github pending'] === 0;
      });
    }
    expect(github.statuses.length).toBeGreaterThan(5);
    expect(github.statuses.length).toBeLessThan(15);
    const texts = github.statuses.map(({ text }) => text);
    expect(texts).toEqual([...new Set(texts)]);
  });

  test('that has ended is never shown as pending again by what comes late', async () => {
    const { start, note, show, github, eventually, answers } = await setUp();
    const outbox = await start(answers);
    github.interrupt({ status: 500 }, { status: 500 });
    note(outbox, 'started');
    show({});
    outbox.look();
    await eventually('the first attempt failed', () => github.requests.length === 1);
    note(outbox, 'halted', { why: 'web-1: exit 1' });
    outbox.look();
    await eventually('it is a failure', settled(github, 'failure'));
    expect(github.statuses.map(({ state }) => state)).toEqual(['failure']);
  });

  test('is explained without secrets and without line ends', async () => {
    const { start, note, github, eventually, answers } = await setUp();
    const outbox = await start(answers);
    note(outbox, 'halted', { why: 'web-1: password hunter2-hunter2\nrefused' });
    await eventually('it is a failure', settled(github, 'failure'));
    expect(github.statuses[0]?.text).toBe('Halted: web-1: password *****\\nrefused');
  });

  test('of another repository, ref or policy is not shown', async () => {
    const { start, github, discord, eventually, answers, chat } = await setUp();
    const outbox = await start(
      `${answers.replace('}', ', refs: [release/*]}')}${chat.replace('}', ', policies: [web]}')}`,
    );
    outbox.note({ ...PLACE, policy: 'api' }, { at: 1, what: 'completed', oid: oid(2) });
    outbox.note({ ...PLACE, ref: 'refs/heads/release/1' }, { at: 1, what: 'completed', oid: oid(3) });
    await eventually('the one of the release is there', () => github.statuses.length > 0 && discord.taken.length > 0);
    expect(github.statuses.map((status) => status.oid)).toEqual([oid(3)]);
    expect(discord.taken.length).toBe(1);
  });
});

describe('GitLab', () => {
  test('is not asked again about a state that it has, since it takes no other text for it', async () => {
    const { start, note, show, clock, files, eventually } = await setUp();
    const gitlab = await gitlabStandIn();
    const where = `repository: "h.example/**", url: "${gitlab.url}/api/v4", token-file: ${files.token}`;
    const outbox = await start(`answers:\n- {name: lab, to: gitlab, ${where}}\n`);
    note(outbox, 'started');
    note(outbox, 'opened', { stage: 'canary' });
    for (let done = 0; done < 5; done += 1) {
      show({ stages: [{ name: 'canary', state: 'open', instances: 40, done }] as never });
      outbox.look();
      await clock.advance(20_000);
      await eventually('it is running', () => gitlab.statuses.length > 0);
    }
    note(outbox, 'completed');
    await eventually('it is a success', () => gitlab.statuses.at(-1)?.state === 'success');
    expect(gitlab.requests.length).toBe(2);
  });
});

describe('a relay that starts again', () => {
  test('sends nothing that was sent before', async () => {
    const { start, note, show, github, discord, eventually, clock, metrics } = await setUp();
    const first = await start();
    note(first, 'started');
    note(first, 'opened', { stage: 'canary' });
    show({});
    first.look();
    await eventually('all is sent', () => {
      first.showMetrics();
      return metrics['github pending'] === 0 && metrics['discord pending'] === 0;
    });
    await end(first);
    const before = [github.requests.length, discord.requests.length];
    const second = await start();
    second.look();
    await clock.advance(60_000);
    note(second, 'completed');
    const now = (): readonly number[] => [github.requests.length, discord.requests.length];
    const after = before.map((count) => count + 1);
    await eventually('both got one more', () => now().every((count, index) => count >= (after[index] ?? 0)));
    expect(now()).toEqual(after);
    expect(github.statuses.at(-1)?.state).toBe('success');
  });

  test('sends what happened last before it ended, and what it could not deliver', async () => {
    const { start, note, github, discord, eventually } = await setUp();
    const first = await start();
    github.outage = { status: 503 };
    discord.outage = { status: 503 };
    note(first, 'started');
    await eventually('both were tried', () => github.requests.length > 0 && discord.requests.length > 0);
    await end(first);
    note(undefined, 'halted', { why: 'web-1: exit 1' });
    github.outage = undefined;
    discord.outage = undefined;
    await start();
    await eventually('both have it', () => settled(github, 'failure')() && discord.taken.length > 0);
    expect(github.statuses.map(({ state }) => state)).toEqual(['failure']);
    expect(discord.taken.join('\n')).toMatch(/has started[\s\S]*has halted: web\\-1: exit 1/);
  });

  test('leaves out what a new destination never heard of', async () => {
    const { start, note, github, discord, eventually, answers, clock } = await setUp();
    const first = await start(answers);
    note(first, 'started');
    note(first, 'completed');
    await eventually('it is a success', settled(github, 'success'));
    await end(first);
    await clock.advance(1000);
    const second = await start();
    note(second, 'started', { oid: oid(3) });
    await eventually('the chat has the new one', () => discord.taken.length > 0);
    expect(discord.taken.join('\n')).not.toContain('02020202');
  });

  test('goes on without its notes when they are damaged', async () => {
    const { dir, start, note, github, eventually, answers, complaints } = await setUp();
    writeFileSync(join(dir, 'answers.json'), '{"version":1,"destina');
    note(undefined, 'started');
    const outbox = await start(answers);
    note(outbox, 'completed', { at: Number.MAX_SAFE_INTEGER });
    await eventually('it is a success', settled(github, 'success'));
    expect(complaints.join()).toContain('it is not known which answers were delivered');
  });
});

describe('a destination that does not work', () => {
  test('is named once in the log, and gets everything when the token is another one', async () => {
    const { start, note, github, files, clock, eventually, answers, complaints } = await setUp();
    const outbox = await start(answers);
    github.token = 'rotated';
    note(outbox, 'started');
    await eventually('the log says so', () => complaints.length === 1);
    for (let minute = 0; minute < 5; minute += 1) {
      note(outbox, 'opened', { stage: `stage ${minute}` });
      await outbox.refresh();
      await clock.advance(60_000);
    }
    expect(github.requests.length).toBe(1);
    expect(complaints.length).toBe(1);
    expect(complaints[0]).toContain('"destination":"hub"');
    note(outbox, 'completed');
    writeFileSync(files.token, 'rotated');
    await outbox.refresh();
    await eventually('it is a success', settled(github, 'success'));
    expect(github.statuses.map(({ state }) => state)).toEqual(['success']);
  });

  test('is tried again after a long pause without any change', async () => {
    const { start, note, discord, clock, eventually, chat } = await setUp();
    const outbox = await start(chat);
    discord.interrupt({ status: 404, body: 'Unknown Webhook' });
    note(outbox, 'completed');
    await eventually('it was refused', () => discord.requests.length === 1);
    await clock.advance(300_000);
    expect(discord.requests.length).toBe(1);
    await eventually('it is tried again', () => discord.taken.length === 1, 60_000);
  });

  test('keeps no other one waiting, and the relay neither', async () => {
    const { start, note, github, discord, eventually } = await setUp();
    github.outage = { status: 500 };
    const outbox = await start();
    note(outbox, 'completed');
    await eventually('the chat has it', () => discord.taken.length === 1);
  });

  test('for one commit that is gone keeps the others of the repository not waiting', async () => {
    const { start, note, github, eventually, answers } = await setUp();
    const outbox = await start(answers);
    github.missing.add(oid(2));
    github.interrupt({ status: 404, body: { message: 'Not Found' } });
    note(outbox, 'completed');
    note(outbox, 'completed', { oid: oid(3) });
    await eventually('the other one is a success', () => github.statuses.at(-1)?.oid === oid(3));
    expect(github.requests.length).toBe(2);
  });

  test('gets the last events and how many there were before', async () => {
    const { start, note, discord, eventually, chat, metrics } = await setUp();
    const outbox = await start(chat);
    discord.outage = { status: 502 };
    for (let count = 0; count < 230; count += 1) note(outbox, 'failed', { why: `web-${count}: exit 1` });
    await eventually('it was tried', () => discord.requests.length > 0);
    discord.outage = undefined;
    await eventually('it is there', () => discord.taken.length === 1, 60_000);
    expect(discord.taken[0]).toContain('and 225 more before');
    expect(discord.taken[0]).toContain('web\\-229');
    expect(metrics['discord dropped']).toBe(30);
  });

  test('is asked again no sooner than its limit says', async () => {
    const { start, note, github, clock, eventually, answers } = await setUp();
    const outbox = await start(answers);
    const reset = String(Math.ceil((clock.now() + 600_000) / 1000));
    const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset };
    github.interrupt({ status: 403, headers, body: { message: 'API rate limit exceeded' } });
    note(outbox, 'completed');
    await eventually('it was tried', () => github.requests.length === 1);
    await clock.advance(590_000);
    expect(github.requests.length).toBe(1);
    await eventually('it is a success', settled(github, 'success'));
  });
});

describe('the file of policies', () => {
  test('adds, changes and removes destinations while the relay runs; what is pending stays', async () => {
    const { start, note, github, discord, fileOf, eventually, answers, chat } = await setUp();
    const outbox = await start(answers);
    github.outage = { status: 500 };
    note(outbox, 'completed');
    await eventually('it was tried', () => github.requests.length > 0);
    github.outage = undefined;
    await outbox.take(fileOf(answers.replace('}', ', context: rollout}') + chat));
    await eventually('it is a success', settled(github, 'success'));
    expect(github.statuses.map(({ context }) => context)).toEqual(['rollout']);
    await outbox.take(fileOf(chat));
    note(outbox, 'started', { oid: oid(3) });
    await eventually('the chat has it', () => discord.taken.length === 1);
    expect(github.statuses.length).toBe(1);
  });
});

describe('a policy that is no more', () => {
  test('leaves no commit pending for ever', async () => {
    const { start, note, github, fileOf, eventually, answers, journal } = await setUp();
    const outbox = await start(answers);
    note(outbox, 'started');
    await eventually('it is pending', settled(github, 'pending'));
    journal.length = 0;
    await outbox.take(fileOf(answers));
    await eventually('it is stopped', settled(github, 'error'));
    expect(github.statuses.at(-1)?.text).toBe('No policy is about it any more');
  });

  test('or has another name ends the status of its old name, and goes on under the new one', async () => {
    const { start, note, show, github, eventually, answers } = await setUp();
    const outbox = await start(answers);
    note(outbox, 'started');
    await eventually('it is pending', settled(github, 'pending'));
    outbox.note({ ...PLACE, policy: 'site' }, { at: 5_000_000, what: 'opened', stage: 'canary', oid: oid(2) });
    show({});
    outbox.look();
    const last = (context: string) => github.statuses.findLast((status) => status.context === context)?.state;
    await eventually('both are as they should be', () => {
      return last('git-sidecar/web/main') === 'error' && last('git-sidecar/site/main') === 'pending';
    });
  });
});

describe('one of several relays', () => {
  test('sends nothing while another one decides', async () => {
    const { start, note, clock, github, answers } = await setUp();
    const outbox = await start(answers, false);
    note(outbox, 'completed');
    outbox.look();
    await clock.advance(60_000);
    expect(github.requests).toEqual([]);
  });
});

test('a relay that decides in place of one that was killed passes on what happened shortly before, and nothing older', async () => {
  const { start, note, clock, discord, github, eventually, states } = await setUp();
  let decides = false;
  const outbox = await start(undefined, () => decides);
  // Of what another relay decides this one hears by the state alone.
  note(undefined, 'started', { oid: oid(1) });
  note(undefined, 'completed', { oid: oid(1) });
  await clock.advance(3_600_000);
  note(undefined, 'started');
  await clock.advance(5000);
  note(undefined, 'halted', { why: 'web-1 failed' });
  expect(discord.requests).toHaveLength(0);
  decides = true;
  outbox.takeOver();
  await eventually('the halt is on its commit', settled(github, 'failure'));
  expect(new Set(github.statuses.map(({ oid: commit }) => commit))).toEqual(new Set([oid(2)]));
  expect(states().at(-1)).toContain('web-1 failed');
  outbox.takeOver();
  const before = github.statuses.length;
  await clock.advance(30_000);
  expect(github.statuses).toHaveLength(before);
});
