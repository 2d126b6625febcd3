import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { nats } from '../kit/nats.ts';
import { startRelay } from '../kit/relay.ts';
import { fixture } from '../kit/setup.ts';
import { published, run, type Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { SshSigner, signHead } from '../kit/signing.ts';
import { startUp } from '../kit/up.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

async function setUp() {
  const it = fixture();
  const { dir, upstream } = it;
  const alice = new SshSigner(dir, 'alice');
  const keys = join(dir, 'signers');
  writeFileSync(keys, `alice ${alice.publicKey}\n`);
  const host = await httpGit(dir);
  let count = 0;
  const good = (files: Record<string, string> = { a: `good ${count++}` }): string => {
    upstream.commit(files);
    return signHead(upstream, (payload) => alice.sign(payload));
  };
  const policy = ['--verify=commit', `--verify-keys=${keys}`, '--verify-range', '--fast-forward-only'];
  const place = [`--repo=${host}/repo.git`, `--root=${it.root}`, '--link=link', '--max-failures=-1'];
  return { ...it, keys, host, good, policy, place };
}

type SetUp = Awaited<ReturnType<typeof setUp>>;

/** The same story, whichever way refs and objects come. */
async function story({ good, upstream, link }: SetUp, first: string, process: Sidecar): Promise<void> {
  const refused = async (code: string): Promise<void> => void (await process.logged(code));
  await untilPublished(link, first, process);
  good();
  const third = good();
  await untilPublished(link, third, process);
  const unsigned = upstream.commit({ a: 'unsigned' });
  await refused('ERR_VERIFY_UNSIGNED');
  upstream.git('reset', '-q', '--hard', first);
  const rewritten = good();
  await refused('ERR_VERIFY_REWOUND');
  expect(published(link)).toBe(third);
  expect([unsigned, rewritten]).not.toContain(published(link));
  upstream.git('reset', '-q', '--hard', third);
  await untilPublished(link, good(), process);
}

describe.skipIf(missing('ssh-keygen'))('--verify', () => {
  test('does not believe a relay, which passes on everything', async () => {
    const it = await setUp();
    const first = it.good();
    const relay = await startRelay({ dir: it.dir, args: [`--allow=${it.host}/*`] });
    await story(it, first, sidecar([...it.place, ...it.policy, `--relay=${relay.url}`, '--period=1s']));
  });

  test.skipIf(missing('nats-server'))('does not believe notes on NATS', async () => {
    const it = await setUp();
    const first = it.good();
    const { url } = await nats(it.dir);
    await startRelay({ dir: it.dir, args: [`--allow=${it.host}/*`, `--follow=${it.host}/repo.git`, `--nats=${url}`] });
    await story(it, first, sidecar([...it.place, ...it.policy, `--nats=${url}`, '--period=500ms']));
  });

  test('works over smart HTTP, where single packs come without git', async () => {
    const it = await setUp();
    const first = it.good();
    await story(it, first, sidecar([...it.place, ...it.policy, '--period=100ms']));
  });

  test('works in a document with a shared store', async () => {
    const it = await setUp();
    const first = it.good();
    const unit = {
      repo: `${it.host}/repo.git`,
      link: 'link',
      period: '100ms',
      verify: 'commit',
      'verify-keys': it.keys,
    };
    const more = { 'verify-range': true, 'fast-forward-only': true };
    const { up } = await startUp(it.dir, (bind) => ({
      http: { bind },
      store: join(it.dir, 'store'),
      sync: [
        { name: 'one', root: it.root, ...unit, ...more },
        { name: 'two', root: join(it.dir, 'two'), ...unit },
      ],
    }));
    await story(it, first, up.process);
    await until('the other unit has it too', () => published(join(it.dir, 'two/link')) === it.upstream.head());
    expect(await up.unit('one')).toMatchObject({ refused: null, ready: true });
    const unsigned = it.upstream.commit({ a: 'unsigned' });
    const shown = await until('the status says so', async () => {
      const status = (await up.unit('two')) as { refused?: { oid: string; code: string } | null } | undefined;
      return status?.refused;
    });
    expect(shown).toMatchObject({ oid: unsigned, code: 'ERR_VERIFY_UNSIGNED' });
  });

  test('works with --path, where a commit that is refused changes nothing', async () => {
    const it = await setUp();
    it.upstream.git('config', '--file', join(it.upstream.bare, 'config'), 'uploadpack.allowFilter', 'true');
    const first = it.good({ 'd/a': 'one', b: 'one' });
    const process = sidecar([...it.place, ...it.policy, '--period=100ms', '--path=d']);
    const at = () => published(join(it.link))?.length;
    await until('something is published', () => at() !== undefined);
    it.good({ b: 'two' });
    await process.logged('a commit changes nothing of what is published');
    it.upstream.commit({ 'd/a': 'unsigned' });
    await process.logged('ERR_VERIFY_UNSIGNED');
    expect(process.logs.filter(({ msg }) => msg === 'published').map(({ hash }) => hash)).toEqual([first]);
  });

  test('restores nothing that was never verified while the server is away', async () => {
    const it = await setUp();
    expect((await run([...it.place, '--one-time'])).code).toBe(0);
    rmSync(it.link);
    rmSync(join(it.root, '.worktrees'), { recursive: true });
    rmSync(it.upstream.bare, { recursive: true });
    const process = sidecar([...it.place, ...it.policy, '--period=100ms', '-v=1']);
    const line = await process.logged('the last revision could not be restored');
    expect(String(line.reason)).toContain('it has no signature');
    expect(published(it.link)).toBeUndefined();
  });
});
