import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../../src/model/error.ts';
import { chooseFirst } from '../../../src/poll/first-ref.ts';
import type { RefSource, Tip } from '../../../src/poll/ref-source.ts';
import type { RefFeed, Told } from '../../../src/relay/client/feed.ts';
import { RelaySource } from '../../../src/relay/client/relay-source.ts';
import { type Released, ReleaseMemory } from '../../../src/relay/client/release-memory.ts';
import type { UploadPack } from '../../../src/remote/upload-pack.ts';
import { HandClock } from '../../kit/hand-clock.ts';
import { at, oid, refsOf } from '../../kit/relay-fakes.ts';
import { silentLog } from '../../kit/silent-log.ts';
import { tempDir } from '../../kit/temp.ts';
import { until } from '../../peers/wait.ts';

const MAIN = chooseFirst('main', ['refs/tags/main', 'refs/heads/main']);

class FakeFeed implements RefFeed {
  told: Told | undefined;
  isConnected = false;
  trouble: RefFeed['trouble'];
  readonly #listeners = new Set<() => void>();

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  say(change: Partial<Pick<FakeFeed, 'told' | 'isConnected' | 'trouble'>>): void {
    Object.assign(this, change);
    for (const listener of [...this.#listeners]) listener();
  }

  close(): void {
    this.isConnected = false;
  }
}

function setUp(
  options: { fallback?: boolean; maxStalenessMs?: number; native?: UploadPack; released?: Released } = {},
) {
  const clock = new HandClock();
  const feed = new FakeFeed();
  let polls = 0;
  const source = (fetchUrl: string, digit: string): RefSource => ({
    fetchUrl,
    native: options.native,
    requestsSent: 0,
    close: () => undefined,
    explain: (error) => error,
    poll: async (): Promise<Tip> => {
      polls += 1;
      return { ref: 'refs/heads/main', oid: oid(digit) };
    },
  });
  const relay = new RelaySource({
    feed,
    objects: source('relay', '8'),
    upstream: options.fallback ? source('upstream', '9') : undefined,
    released: options.released,
    shownUrl: 'https://h/r',
    relay: 'http://relay',
    maxStalenessMs: options.maxStalenessMs ?? 0,
    periodMs: 10_000,
    clock,
    random: () => 0.5,
    log: silentLog,
  });
  const poll = async (): Promise<Tip> => await relay.poll(MAIN, [], new AbortController().signal);
  const told = (digit: string, ageMs = 0): Told => {
    return { refs: refsOf(at('refs/heads/main', digit)), asOf: clock.now() - ageMs, ageMs };
  };
  return { clock, feed, relay, poll, told, polls: () => polls };
}

describe('a relay as the place to ask', () => {
  test('is never overtaken by the fallback where it released the revision by a policy', async () => {
    const { clock, feed, poll } = setUp({ fallback: true });
    const main = { ...at('refs/heads/main', '1'), isReleased: true };
    feed.say({ isConnected: true, told: { refs: refsOf(main), asOf: clock.now(), ageMs: 0 } });
    expect((await poll()).oid).toBe(oid('1'));
    feed.say({ isConnected: false });
    await poll();
    await clock.advance(3_600_000);
    expect((await poll()).oid).toBe(oid('1'));
  });

  test('is not overtaken by the fallback after a restart either, while no relay answers', async () => {
    const root = tempDir();
    const opened = async (): Promise<ReleaseMemory> => {
      const memory = new ReleaseMemory(root, 'http://relay https://h/r main', silentLog);
      await memory.open();
      return memory;
    };
    const before = setUp({ fallback: true, released: await opened() });
    const main = { ...at('refs/heads/main', '1'), isReleased: true };
    before.feed.say({ isConnected: true, told: { refs: refsOf(main), asOf: before.clock.now(), ageMs: 0 } });
    await before.poll();
    const released = await until('it is remembered', async () => {
      const memory = await opened();
      return memory.was ? memory : undefined;
    });
    const { clock, feed, poll, told } = setUp({ fallback: true, released });
    feed.say({ trouble: { code: 'ERR_RELAY_UNREACHABLE', detail: 'gone' } });
    await expect(poll()).rejects.toMatchObject({ code: 'ERR_RELAY_UNREACHABLE' });
    await clock.advance(3_600_000);
    await expect(poll()).rejects.toMatchObject({ code: 'ERR_RELAY_UNREACHABLE' });
    // Without the policy, the git server is a good source again.
    feed.say({ isConnected: true, trouble: undefined, told: told('1') });
    await poll();
    await until('it is forgotten', async () => !(await opened()).was);
  });

  test('answers from what was told, without asking anybody', async () => {
    const { feed, relay, poll, told, polls } = setUp();
    const first = poll();
    feed.say({ isConnected: true, told: told('1') });
    expect(await first).toEqual({ ref: 'refs/heads/main', oid: oid('1') });
    feed.say({ told: told('2') });
    expect((await poll()).oid).toBe(oid('2'));
    expect(polls()).toBe(0);
    expect(relay.fetchUrl).toBe('relay');
  });

  test('a ref that is not there is an error; one that is missing from the relay too', async () => {
    const { feed, poll } = setUp();
    feed.say({ isConnected: true, told: { refs: refsOf(at('refs/heads/dev', '1')), asOf: 0, ageMs: 0 } });
    await expect(poll()).rejects.toMatchObject({ code: 'ERR_REMOTE_REF' });
  });

  test('the relay’s trouble is ours, by its code', async () => {
    const { feed, poll } = setUp();
    feed.say({ isConnected: true, trouble: { code: 'ERR_REMOTE_NOT_FOUND', detail: 'no such repository' } });
    await expect(poll()).rejects.toMatchObject({ code: 'ERR_REMOTE_NOT_FOUND' });
    feed.say({ trouble: { code: 'ERR_FROM_THE_FUTURE', detail: 'who knows' } });
    await expect(poll()).rejects.toMatchObject({ code: 'ERR_RELAY_UNREACHABLE', detail: 'who knows' });
  });

  test('one that cannot be reached is unreachable; one that has nothing yet is there', async () => {
    const { clock, feed, poll } = setUp();
    const expectFailure = async (facts: Record<string, string>): Promise<void> => {
      const refused = expect(poll()).rejects.toMatchObject(facts);
      for (let seconds = 0; seconds < 11; seconds += 1) {
        await clock.advance(1000);
        feed.say({});
      }
      await refused;
    };
    const detail = 'no answer within 10 s';
    await expectFailure({ code: 'ERR_RELAY_UNREACHABLE', target: 'http://relay', detail });
    feed.say({ isConnected: true });
    await expectFailure({ code: 'ERR_RELAY_PENDING' });
  });

  test('connections that were open when its stream broke are not used again', async () => {
    let dropped = 0;
    const native = { dropIdle: () => (dropped += 1) };
    const { feed } = setUp({ native: native as never });
    feed.say({ isConnected: true });
    expect(dropped).toBe(0);
    feed.say({ isConnected: false });
    expect(dropped).toBe(1);
  });

  test('while it is away the last word counts', async () => {
    const { clock, feed, poll, told } = setUp();
    feed.say({ isConnected: true, told: told('1') });
    feed.say({ isConnected: false, trouble: { code: 'ERR_RELAY_UNREACHABLE', detail: 'gone' } });
    await clock.advance(3_600_000);
    expect((await poll()).oid).toBe(oid('1'));
  });

  test('with a fallback the git server is asked after a while, which differs from sidecar to sidecar, and the relay again when it is back', async () => {
    const { clock, feed, relay, poll, told, polls } = setUp({ fallback: true });
    feed.say({ isConnected: true, told: told('1') });
    feed.say({ isConnected: false });
    expect((await poll()).oid).toBe(oid('1'));
    await clock.advance(14_000);
    expect((await poll()).oid).toBe(oid('1'));
    expect(polls()).toBe(0);
    await clock.advance(2000);
    expect((await poll()).oid).toBe(oid('9'));
    expect(relay.fetchUrl).toBe('upstream');
    // It is back with its old mirror.
    await clock.advance(1000);
    feed.say({ isConnected: true, told: told('1', 5000) });
    expect((await poll()).oid).toBe(oid('9'));
    feed.say({ isConnected: true, told: told('2') });
    expect((await poll()).oid).toBe(oid('2'));
    expect(relay.fetchUrl).toBe('relay');
  });

  test('what is older than --max-staleness is refused; a relay that is there keeps confirming', async () => {
    const { clock, feed, poll, told } = setUp({ maxStalenessMs: 60_000 });
    feed.say({ isConnected: true, told: told('1') });
    await clock.advance(3_600_000);
    expect((await poll()).oid).toBe(oid('1'));
    feed.say({ trouble: { code: 'ERR_REMOTE_UNREACHABLE', detail: 'git server away' } });
    await expect(poll()).rejects.toMatchObject({ code: 'ERR_RELAY_STALE' });
    feed.say({ trouble: undefined, told: told('1', 120_000) });
    await expect(poll()).rejects.toMatchObject({ code: 'ERR_RELAY_STALE' });
  });
});

test('a failure to fetch from the relay names the relay, and one of the git server behind it stays what it is', async () => {
  const { feed, told, poll, relay } = setUp({ fallback: true });
  feed.say({ told: told('1'), isConnected: true });
  await poll();
  const failed = (code: 'ERR_REMOTE_UNREACHABLE' | 'ERR_REMOTE_AUTH' | 'ERR_REMOTE_REF' | 'ERR_GIT_KILLED') =>
    new SidecarError(code, { op: 'fetch', target: 'https://h/r', detail: 'Connection refused' });
  expect(relay.explain(failed('ERR_REMOTE_UNREACHABLE'))).toMatchObject({
    code: 'ERR_RELAY_UNREACHABLE',
    message: 'fetch from the relay http://relay: Connection refused',
  });
  expect(relay.explain(failed('ERR_REMOTE_AUTH')).code).toBe('ERR_RELAY_REFUSED');
  for (const code of ['ERR_REMOTE_REF', 'ERR_GIT_KILLED'] as const) expect(relay.explain(failed(code)).code).toBe(code);
});
