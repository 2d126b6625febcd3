import { execFile } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { hostOf, type RunningRelay, startRelay } from '../kit/relay.ts';
import { fixture } from '../kit/setup.ts';
import { published, sidecar, untilPublished } from '../kit/sidecar.ts';
import { OpenpgpSigner, SshSigner, signedTag, signHead } from '../kit/signing.ts';
import { GIT_ENV, git } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

const execGit = promisify(execFile);
const NOTHING = { stdout: '' };

async function setUp() {
  const it = fixture();
  const { dir, upstream } = it;
  const [alice, mallory] = [new SshSigner(dir, 'alice'), new SshSigner(dir, 'mallory')];
  const keys = join(dir, 'signers');
  writeFileSync(keys, `alice ${alice.publicKey}\n`);
  const host = await httpGit(dir);
  let count = 0;
  const good = (): string => {
    upstream.commit({ a: `good ${count++}` });
    return signHead(upstream, (payload) => alice.sign(payload));
  };
  const bad = (): string => {
    upstream.commit({ a: `bad ${count++}` });
    return signHead(upstream, (payload) => mallory.sign(payload));
  };
  const follow = [`--allow=${host}/*`, `--follow=${host}/repo.git`];
  const policy = ['--verify=commit', `--verify-keys=${keys}`];
  const repository = (relay: RunningRelay): string => `${relay.url}/git/${hostOf(host)}/repo.git`;
  /** Not synchronous, since the relay asks the server in this process meanwhile. Empty where the relay shows nothing. */
  const refsAt = async (relay: RunningRelay): Promise<Map<string, string>> => {
    const { stdout } = await execGit('git', ['ls-remote', repository(relay)], { env: GIT_ENV }).catch(() => NOTHING);
    const lines = stdout.split('\n').filter(Boolean);
    return new Map(lines.map((line) => line.split('\t').reverse() as [string, string]));
  };
  return { ...it, alice, mallory, keys, host, good, bad, follow, policy, repository, refsAt };
}

const WAYS = { 'its own requests': [], git: ['--git-config-add=http.delegation:none'] };

describe.skipIf(missing('ssh-keygen'))('relay --verify', () => {
  test.each(Object.entries(WAYS))(
    'passes on what is signed well, and shows the former tip of what is not: by %s',
    async (_name, more) => {
      const it = await setUp();
      const first = it.good();
      const relay = await startRelay({ dir: it.dir, args: [...it.follow, ...it.policy, ...more, '--http-metrics'] });
      const follower = sidecar([
        ...[`--repo=${it.host}/repo.git`, `--root=${it.root}`, '--link=link', '--ref=main'],
        ...[`--relay=${relay.url}`, '--period=1s', '--max-failures=-1'],
      ]);
      await untilPublished(it.link, first, follower);
      const bad = it.bad();
      const line = await relay.process.logged('a tip is not passed on');
      expect(line).toMatchObject({ ref: 'refs/heads/main', hash: bad, code: 'ERR_VERIFY_UNKNOWN_KEY' });
      expect((await it.refsAt(relay)).get('refs/heads/main')).toBe(first);
      expect((await it.refsAt(relay)).get('HEAD')).toBe(first);
      const status = (await (await relay.get('/status')).json()) as { repositories: { refused?: unknown }[] };
      const refused = [
        { ref: 'refs/heads/main', oid: bad, code: 'ERR_VERIFY_UNKNOWN_KEY', reason: expect.any(String) },
      ];
      expect(status.repositories[0]?.refused).toEqual(refused);
      const fleet = (await (await relay.get('/fleet')).json()) as { repositories: { refused?: unknown }[] };
      expect(fleet.repositories[0]?.refused).toEqual(refused);
      const metrics = await (await relay.get('/metrics')).text();
      expect(metrics).toMatch(/^git_sidecar_relay_verify_refused\{.*\} 1$/m);
      expect(metrics).toMatch(/^git_sidecar_relay_verify_count_total\{status="ERR_VERIFY_UNKNOWN_KEY"\} 1$/m);
      // Not by its id either.
      const other = join(it.dir, 'other');
      git(it.dir, 'init', '-q', other);
      const byId = execGit('git', ['fetch', '-q', it.repository(relay), bad], { cwd: other, env: GIT_ENV });
      await expect(byId).rejects.toThrow('not our ref');
      const next = it.good();
      await untilPublished(it.link, next, follower);
      const [mirror = ''] = readdirSync(join(it.dir, 'relay', 'repositories'));
      const candidates = ['for-each-ref', 'refs/git-sidecar/candidate'];
      await until(
        'nothing of ours is left',
        () => git(join(it.dir, 'relay', 'repositories', mirror), ...candidates) === '',
      );
      expect(relay.process.count('a tip is not passed on')).toBe(1);
      const after = (await (await relay.get('/status')).json()) as { repositories: { refused?: unknown }[] };
      expect(after.repositories[0]?.refused).toBeUndefined();
    },
  );

  test('judges each ref by itself: a new branch and a tag that nobody signed are not shown, the others move', async () => {
    const it = await setUp();
    const first = it.good();
    const relay = await startRelay({ dir: it.dir, args: [...it.follow, ...it.policy] });
    await relay.process.logged('mirrored');
    it.upstream.git('checkout', '-q', '-b', 'side');
    const side = it.bad();
    it.upstream.git('tag', 'v1', side);
    it.upstream.git('tag', '-a', '-m', 'annotated', 'v2', first);
    it.upstream.push('v1', 'v2');
    it.upstream.git('checkout', '-q', 'main');
    const next = it.good();
    await until('the branch has moved', async () => (await it.refsAt(relay)).get('refs/heads/main') === next);
    await until('the tag is there', async () => (await it.refsAt(relay)).has('refs/tags/v2'));
    const names = [...(await it.refsAt(relay)).keys()];
    expect(names).toEqual(['HEAD', 'refs/heads/main', 'refs/tags/v2', 'refs/tags/v2^{}']);
  });

  test('shows nothing of a repository that nobody signed, says why, and shows it once its keys are there', async () => {
    const it = await setUp();
    const unsigned = it.bad();
    const relay = await startRelay({ dir: it.dir, args: [...it.follow, ...it.policy] });
    await relay.process.logged('the git server cannot be followed');
    expect((await relay.get('/readyz')).status).toBe(503);
    const status = (await (await relay.get('/status')).json()) as {
      repositories: { trouble: string; known: boolean }[];
    };
    expect(status.repositories[0]).toMatchObject({ known: false, trouble: 'ERR_VERIFY_UNKNOWN_KEY' });
    writeFileSync(it.keys, `mallory ${it.mallory.publicKey}\n`);
    await until('it is shown', async () => (await relay.get('/readyz')).status === 200);
    expect((await it.refsAt(relay)).get('refs/heads/main')).toBe(unsigned);
  });

  test('a mirror that an earlier relay made without a policy is verified before anything of it is shown', async () => {
    const it = await setUp();
    it.good();
    it.upstream.git('branch', 'signed');
    it.upstream.push('signed');
    const bad = it.bad();
    const before = await startRelay({ dir: it.dir, args: it.follow });
    await until('it has all', async () => (await it.refsAt(before)).get('refs/heads/main') === bad);
    await before.process.stop();
    // Nobody can be asked.
    rmSync(it.upstream.bare, { recursive: true });
    const relay = await startRelay({ dir: it.dir, args: [...it.follow, ...it.policy] });
    await relay.process.logged('a tip is not passed on');
    await until('the signed branch is shown', async () => (await it.refsAt(relay)).has('refs/heads/signed'));
    expect([...(await it.refsAt(relay)).keys()]).not.toContain('refs/heads/main');
  });

  test('a subscriber of a relay that verifies can verify too, and comes to the same', async () => {
    const it = await setUp();
    const first = it.good();
    const relay = await startRelay({ dir: it.dir, args: [...it.follow, ...it.policy] });
    const follower = sidecar([
      ...[`--repo=${it.host}/repo.git`, `--root=${it.root}`, '--link=link', ...it.policy, '--verify-range'],
      ...[`--relay=${relay.url}`, '--period=1s', '--max-failures=-1'],
    ]);
    await untilPublished(it.link, first, follower);
    const bad = it.bad();
    const hidden = it.good();
    // The relay looks at tips only.
    await follower.logged('ERR_VERIFY_UNKNOWN_KEY');
    expect([bad, hidden]).not.toContain(published(it.link));
  });
});

describe.skipIf(missing('gpg', 'gpgconf'))('relay --verify=tag', () => {
  test('passes on tags that are signed under their own name, and no branches', async () => {
    const it = await setUp();
    const pgp = new OpenpgpSigner(it.dir, 'pgp');
    writeFileSync(it.keys, pgp.publicKey);
    signedTag(it.upstream, 'v1.0.0', pgp);
    it.upstream.git('tag', '-a', '-m', 'unsigned', 'v2.0.0');
    it.upstream.push('v2.0.0');
    signedTag(it.upstream, 'v1.0.1', pgp, { ref: 'v3.0.0' });
    const relay = await startRelay({ dir: it.dir, args: [...it.follow, '--verify=tag', `--verify-keys=${it.keys}`] });
    await relay.process.logged('mirrored');
    expect([...(await it.refsAt(relay)).keys()]).toEqual(['refs/tags/v1.0.0', 'refs/tags/v1.0.0^{}']);
  });
});
