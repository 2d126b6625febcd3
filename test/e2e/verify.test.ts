import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Fixture, fixture } from '../kit/setup.ts';
import { published, run, Sidecar, untilPublished } from '../kit/sidecar.ts';
import {
  OpenpgpSigner,
  rawObject,
  SshSigner,
  signedTag,
  signHead,
  TestAuthority,
  withSignature,
  writeObject,
} from '../kit/signing.ts';
import { git, Upstream } from '../kit/upstream.ts';
import { freePort } from '../peers/ports.ts';
import { findProgram, missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

interface Signed extends Fixture {
  readonly alice: SshSigner;
  readonly mallory: SshSigner;
  /** The file of `--verify-keys`. */
  readonly keys: string;
  /** `--verify=commit` with the file. */
  readonly policy: readonly string[];
  /** A new commit that alice has signed. */
  good(files?: Record<string, string>): string;
}

let count = 0;

function signed(options: Parameters<typeof fixture>[0] = {}): Signed {
  const it = fixture(options);
  const [alice, mallory] = [new SshSigner(it.dir, 'alice'), new SshSigner(it.dir, 'mallory')];
  const keys = join(it.dir, 'signers');
  writeFileSync(keys, `alice@example.com ${alice.publicKey}\n`);
  const good = (files: Record<string, string> = { a: `good ${count++}` }): string => {
    it.upstream.commit(files);
    return signHead(it.upstream, (payload) => alice.sign(payload));
  };
  return { ...it, alice, mallory, keys, policy: ['--verify=commit', `--verify-keys=${keys}`], good };
}

async function refused(process: Sidecar, code: string, oid: string): Promise<void> {
  await until(
    () => `${oid} is refused with ${code}; so far:\n${process.stderr.slice(-3000)}`,
    () => process.logs.find((line) => line.code === code && JSON.stringify(line).includes(oid)),
  );
}

describe.skipIf(missing('ssh-keygen'))('--verify', () => {
  test('publishes signed commits only, says what it refuses, and goes on with the next good one', async () => {
    const it = signed();
    const port = await freePort();
    const first = it.good();
    const process = it.start(...it.policy, `--http-bind=127.0.0.1:${port}`, '--http-metrics');
    await untilPublished(it.link, first, process);
    const unsigned = it.upstream.commit({ a: 'unsigned' });
    await refused(process, 'ERR_VERIFY_UNSIGNED', unsigned);
    expect(published(it.link)).toBe(first);
    const get = async (path: string) => await fetch(`http://127.0.0.1:${port}${path}`);
    const ready = await get('/readyz');
    expect(ready.status).toBe(200);
    expect(await ready.text()).toContain(`refused HEAD at ${unsigned}: ERR_VERIFY_UNSIGNED`);
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toMatch(/^git_sidecar_verify_refused 1$/m);
    expect(metrics).toMatch(/^git_sidecar_verify_count_total\{status="ERR_VERIFY_UNSIGNED"\} 1$/m);
    // It is refused again and again, but fetched once and reported once.
    const fetches = /^git_fetch_count_total (\d+)$/m.exec(metrics)?.[1];
    const later = await until('it has been refused several times', async () => {
      const text = await (await get('/metrics')).text();
      return Number(/^git_sync_count_total\{status="error"\} (\d+)$/m.exec(text)?.[1]) > 3 && text;
    });
    expect(later).toContain(`git_fetch_count_total ${fetches}\n`);
    expect(process.count('sync failed')).toBe(1);
    const next = it.good();
    // Its parent is not signed, and without --verify-range that does not matter.
    await untilPublished(it.link, next, process);
    expect(await (await get('/readyz')).text()).toBe('ok\n');
  });

  test('refuses a commit that was changed after it was signed, one of a stranger, and one with two signatures', async () => {
    const it = signed();
    const first = it.good();
    const process = it.start(...it.policy);
    await untilPublished(it.link, first, process);
    it.upstream.commit({ a: 'bad' });
    const bad = signHead(it.upstream, () => it.alice.sign(Buffer.from('something else')));
    await refused(process, 'ERR_VERIFY_BAD', bad);
    it.upstream.commit({ a: 'strange' });
    const strange = signHead(it.upstream, (payload) => it.mallory.sign(payload));
    await refused(process, 'ERR_VERIFY_UNKNOWN_KEY', strange);
    it.upstream.commit({ a: 'two' });
    const raw = rawObject(it.upstream, 'HEAD');
    const twice = withSignature(withSignature(raw, it.alice.sign(raw)), it.alice.sign(raw));
    const two = writeObject(it.upstream, 'commit', twice);
    it.upstream.push(`${two}:refs/heads/main`);
    await refused(process, 'ERR_VERIFY_GARBAGE', two);
    expect(published(it.link)).toBe(first);
  });

  test('reads the keys again when they change, and takes nothing down when a key has gone', async () => {
    const it = signed();
    const first = it.good();
    const process = it.start(...it.policy);
    await untilPublished(it.link, first, process);
    it.upstream.commit({ a: 'of mallory' });
    const second = signHead(it.upstream, (payload) => it.mallory.sign(payload));
    await refused(process, 'ERR_VERIFY_UNKNOWN_KEY', second);
    writeFileSync(it.keys, `mallory ${it.mallory.publicKey}\n`);
    await untilPublished(it.link, second, process);
    writeFileSync(it.keys, `alice ${it.alice.publicKey}\n`);
    await refused(process, 'ERR_VERIFY_UNKNOWN_KEY', second);
    rmSync(it.keys);
    await process.logged('ERR_VERIFY_KEYS');
    expect(published(it.link)).toBe(second);
  });

  test('works with SHA-256 repositories, and verifies what git itself has signed', async () => {
    const it = signed({ format: 'sha256' });
    const first = it.good();
    const process = it.start(...it.policy);
    await untilPublished(it.link, first, process);
    it.upstream.write({ a: 'by git' });
    const ssh = ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${it.alice.key}.pub`];
    it.upstream.git('add', '-A');
    it.upstream.git(...ssh, 'commit', '-q', '-S', '-m', 'signed by git');
    it.upstream.push();
    await untilPublished(it.link, it.upstream.head(), process);
  });

  test('does not take over what is published without a signature, but leaves it', async () => {
    const it = signed();
    expect((await run([...it.args, '--one-time'])).code).toBe(0);
    const process = it.start(...it.policy);
    await refused(process, 'ERR_VERIFY_UNSIGNED', it.first);
    expect(published(it.link)).toBe(it.first);
    await untilPublished(it.link, it.good(), process);
  });

  test('verifies a finished tree that is found again', async () => {
    const it = signed();
    const unsigned = it.first;
    // The tree of the unsigned commit stays for an hour.
    const stale = '--stale-worktree-timeout=1h';
    expect((await run([...it.args, stale, '--one-time'])).code).toBe(0);
    const second = it.good();
    expect((await run([...it.args, ...it.policy, stale, '--one-time'])).code).toBe(0);
    it.upstream.push(`${unsigned}:refs/heads/main`);
    const process = it.start(...it.policy, stale);
    await refused(process, 'ERR_VERIFY_UNSIGNED', unsigned);
    expect(published(it.link)).toBe(second);
  });

  test('verifies every new commit with --verify-range, and none before --verify-since', async () => {
    const it = signed();
    const first = it.good();
    const process = it.start(...it.policy, '--verify-range');
    await untilPublished(it.link, first, process);
    it.good();
    const two = it.good();
    await untilPublished(it.link, two, process);
    const unsigned = it.upstream.commit({ a: 'unsigned' });
    const hidden = it.good();
    await refused(process, 'ERR_VERIFY_UNSIGNED', unsigned);
    expect(published(it.link)).toBe(two);
    await process.stop();
    const since = it.start(...it.policy, '--verify-range', `--verify-since=${unsigned}`);
    await untilPublished(it.link, hidden, since);
  });

  test.each([
    ['still has', false],
    ['has forgotten', true],
  ])(
    'with --verify-range, of a branch that was rewritten only what is new has to be signed, where the server %s what is published',
    async (_what, isForgotten) => {
      const it = signed();
      const fork = it.good();
      const second = it.good();
      const process = it.start(...it.policy, '--verify-range');
      await untilPublished(it.link, second, process);
      await process.stop();
      it.upstream.git('reset', '-q', '--hard', fork);
      const rewritten = it.good();
      if (isForgotten) git(it.upstream.bare, '-c', 'gc.reflogExpire=now', 'gc', '-q', '--prune=now');
      const after = it.start(...it.policy, '--verify-range');
      await untilPublished(it.link, rewritten, after);
      const unsigned = it.upstream.commit({ a: 'unsigned' });
      it.good();
      await refused(after, 'ERR_VERIFY_UNSIGNED', unsigned);
      expect(published(it.link)).toBe(rewritten);
    },
  );

  test('lets only those sign for a ref whom --verify-signers names', async () => {
    const it = signed();
    writeFileSync(it.keys, `alice@example.com ${it.alice.publicKey}\nmallory ${it.mallory.publicKey}\n`);
    const first = it.good();
    const rules = ['--verify-signers=refs/tags/**=mallory', '--verify-signers=refs/heads/*=alice@example.com'];
    const process = it.start(...it.policy, ...rules, '--ref=main');
    await untilPublished(it.link, first, process);
    it.upstream.commit({ a: 'of mallory' });
    const second = signHead(it.upstream, (payload) => it.mallory.sign(payload));
    await refused(process, 'ERR_VERIFY_NOT_ALLOWED', second);
    expect(published(it.link)).toBe(first);
  });

  test('verifies submodules with --verify-submodules', async () => {
    const it = signed();
    const inner = signed();
    const args = ['--git-config=protocol.file.allow:always', '--verify-submodules'];
    const signedInner = (() => {
      inner.upstream.commit({ s: 'signed' });
      return signHead(inner.upstream, (payload) => it.alice.sign(payload));
    })();
    it.upstream.git('submodule', '--quiet', 'add', inner.upstream.bare, 'sub');
    const first = it.good();
    const process = it.start(...it.policy, ...args);
    await untilPublished(it.link, first, process);
    expect(it.upstream.git('-C', 'sub', 'rev-parse', 'HEAD')).toBe(signedInner);
    const unsigned = inner.upstream.commit({ s: 'unsigned' });
    it.upstream.git('-C', 'sub', 'fetch', '-q');
    it.upstream.git('-C', 'sub', 'checkout', '-q', unsigned);
    it.good();
    await refused(process, 'ERR_VERIFY_UNSIGNED', unsigned);
    expect(published(it.link)).toBe(first);
  });
});

describe.skipIf(missing('ssh-keygen'))('--verify-submodules', () => {
  /** A repository with a submodule, in which there is another one; the last two are signed, or not. */
  const nested = (isSigned: { inner: boolean; innermost: boolean }) => {
    const it = signed();
    const [inner, innermost] = [new Upstream(it.dir, 'inner.git'), new Upstream(it.dir, 'innermost.git')];
    const finish = (upstream: Upstream, isGood: boolean): string =>
      isGood ? signHead(upstream, (payload) => it.alice.sign(payload)) : upstream.head();
    innermost.commit({ s: 'innermost' });
    const below = finish(innermost, isSigned.innermost);
    inner.git('submodule', '--quiet', 'add', innermost.bare, 'below');
    inner.commit({ s: 'inner' });
    const sub = finish(inner, isSigned.inner);
    it.upstream.git('submodule', '--quiet', 'add', inner.bare, 'sub');
    const first = it.good();
    const policy = [...it.policy, '--git-config=protocol.file.allow:always'];
    return { ...it, policy, first, sub, below };
  };

  test('refuses an unsigned submodule within a signed one', async () => {
    const it = nested({ inner: true, innermost: false });
    const process = it.start(...it.policy, '--verify-submodules');
    await refused(process, 'ERR_VERIFY_UNSIGNED', it.below);
    expect(await process.logged('submodule sub/below')).toBeDefined();
    expect(published(it.link)).toBeUndefined();
  });

  test('looks at what is published already, in each new process and when the keys change, and leaves it', async () => {
    const it = nested({ inner: false, innermost: true });
    const before = it.start(...it.policy);
    await untilPublished(it.link, it.first, before);
    await before.stop();
    const after = it.start(...it.policy, '--verify-submodules');
    await refused(after, 'ERR_VERIFY_UNSIGNED', it.sub);
    expect(published(it.link)).toBe(it.first);
    await after.stop();
    const good = nested({ inner: true, innermost: true });
    const process = good.start(...good.policy, '--verify-submodules');
    await untilPublished(good.link, good.first, process);
    writeFileSync(good.keys, `mallory ${good.mallory.publicKey}\n`);
    await refused(process, 'ERR_VERIFY_UNKNOWN_KEY', good.first);
    expect(published(good.link)).toBe(good.first);
  });
});

describe.skipIf(missing('gpg', 'gpgconf'))('--verify=tag', () => {
  test('publishes signed tags only, and no tag under the name of another', async () => {
    const it = fixture();
    const alice = new OpenpgpSigner(it.dir, 'alice');
    const keys = join(it.dir, 'keys.asc');
    writeFileSync(keys, alice.publicKey);
    signedTag(it.upstream, 'v1.0.0', alice);
    const process = it.start('--verify=tag', `--verify-keys=${keys}`, '--ref-semver=*');
    await untilPublished(it.link, it.first, process);
    const second = it.upstream.commit({ a: 'two' });
    it.upstream.git('tag', '-a', '-m', 'unsigned', 'v2.0.0');
    it.upstream.push('v2.0.0');
    await process.logged('ERR_VERIFY_UNSIGNED');
    it.upstream.git('tag', 'v3.0.0');
    it.upstream.push('v3.0.0');
    await process.logged('it is a plain tag');
    signedTag(it.upstream, 'v1.0.1', alice, { ref: 'v4.0.0' });
    await process.logged('the tag was made under the name v1.0.1');
    expect(published(it.link)).toBe(it.first);
    signedTag(it.upstream, 'v5.0.0', alice);
    await untilPublished(it.link, second, process);
    await process.stop();
    // The tag is here, so a tree that was damaged is made again without the server.
    rmSync(join(it.root, '.worktrees'), { recursive: true });
    rmSync(it.upstream.bare, { recursive: true });
    const again = it.start('--verify=tag', `--verify-keys=${keys}`, '--ref-semver=*');
    await again.logged('the last revision was published again');
  });
});

describe('--verify in a whole sync', () => {
  test.skipIf(missing('gpg', 'gpgconf'))('publishes what gpg has signed, and only that', async () => {
    const it = fixture();
    const alice = new OpenpgpSigner(it.dir, 'alice');
    const keys = join(it.dir, 'keys.asc');
    writeFileSync(keys, alice.publicKey);
    const process = it.start('--verify=commit', `--verify-keys=${keys}`);
    await refused(process, 'ERR_VERIFY_UNSIGNED', it.first);
    await untilPublished(
      it.link,
      signHead(it.upstream, (payload) => alice.sign(payload)),
      process,
    );
  });

  test.skipIf(missing('gpgsm', 'gpg-agent', 'openssl'))(
    'publishes what the owner of a certificate has signed, and only that',
    async () => {
      const it = fixture();
      const authority = new TestAuthority(it.dir, 'root');
      const [alice, mallory] = [authority.issue('alice'), new TestAuthority(it.dir, 'other').issue('mallory')];
      const keys = join(it.dir, 'ca.pem');
      writeFileSync(keys, authority.certificate);
      const process = it.start('--verify=commit', `--verify-keys=${keys}`, '--verify-signers=**=/CN=alice');
      const strange = signHead(it.upstream, (payload) => mallory.sign(payload));
      await refused(process, 'ERR_VERIFY_UNKNOWN_KEY', strange);
      it.upstream.commit({ a: 'two' });
      await untilPublished(
        it.link,
        signHead(it.upstream, (payload) => alice.sign(payload)),
        process,
      );
    },
  );

  test.skipIf(missing('ssh-keygen'))('with tag-and-commit, refuses what lacks one of the two signatures', async () => {
    const it = signed();
    const policy = ['--verify=tag-and-commit', `--verify-keys=${it.keys}`, '--ref-semver=*'];
    const first = it.good();
    signedTag(it.upstream, 'v1.0.0', it.alice);
    const process = it.start(...policy);
    await untilPublished(it.link, first, process);
    const unsigned = it.upstream.commit({ a: 'unsigned commit, signed tag' });
    signedTag(it.upstream, 'v2.0.0', it.alice);
    await refused(process, 'ERR_VERIFY_UNSIGNED', `commit ${unsigned}`);
    it.good();
    it.upstream.git('tag', '-a', '-m', 'signed commit, unsigned tag', 'v3.0.0');
    it.upstream.push('v3.0.0');
    await refused(process, 'ERR_VERIFY_UNSIGNED', 'tag refs/tags/v3.0.0');
    it.good();
    signedTag(it.upstream, 'v4.0.0', it.mallory);
    await refused(process, 'ERR_VERIFY_UNKNOWN_KEY', 'tag refs/tags/v4.0.0');
    expect(published(it.link)).toBe(first);
    signedTag(it.upstream, 'v5.0.0', it.alice);
    await untilPublished(it.link, it.upstream.head(), process);
  });

  test.skipIf(missing('ssh-keygen'))(
    'publishes nothing while the program that checks signatures is missing, and goes on when it is there',
    async () => {
      const it = signed();
      const bin = join(it.dir, 'bin');
      mkdirSync(bin);
      for (const name of ['node', 'git', 'sh', 'env'].filter((name) => findProgram(name)))
        symlinkSync(findProgram(name) ?? '', join(bin, name));
      const first = it.good();
      const process = new Sidecar([...it.args, ...it.policy, '--period=40ms', '--max-failures=-1'], { PATH: bin });
      const { error } = await process.logged('ERR_VERIFY_PROGRAM');
      expect(error).toContain('ssh-keygen: it is in no directory of PATH');
      expect(published(it.link)).toBeUndefined();
      symlinkSync(findProgram('ssh-keygen') ?? '', join(bin, 'ssh-keygen'));
      await untilPublished(it.link, first, process);
    },
  );

  test('publishes nothing when the server does not give out the history that decides, and says so', async () => {
    const it = fixture();
    const second = it.upstream.commit({ a: 'two' });
    const before = it.start('--fast-forward-only');
    await untilPublished(it.link, second, before);
    await before.stop();
    // The history of the new commit has a hole that no fetch fills.
    for (let index = 0; index < 3; index += 1) it.upstream.commit({ a: `${index}` });
    const newest = it.upstream.head();
    const lost = it.upstream.head('HEAD^');
    rmSync(join(it.upstream.bare, 'objects', lost.slice(0, 2), lost.slice(2)));
    const after = it.start('--fast-forward-only');
    const { error } = await after.logged('ERR_VERIFY_HISTORY');
    expect(error).toContain(newest);
    expect(published(it.link)).toBe(second);
    it.upstream.git('push', '-q', '--force', 'origin', `${second}:refs/heads/main`);
    const child = (() => {
      it.upstream.git('reset', '-q', '--hard', second);
      return it.upstream.commit({ a: 'a child' });
    })();
    await untilPublished(it.link, child, after);
  });
});

describe('--fast-forward-only', () => {
  test('refuses rewritten and older commits, also after a restart, until one is allowed', async () => {
    const it = fixture();
    const second = it.upstream.commit({ a: 'two' });
    const third = it.upstream.commit({ a: 'three' });
    const fresh = it.start('--fast-forward-only');
    await untilPublished(it.link, third, fresh);
    for (let index = 0; index < 5; index += 1) it.upstream.commit({ a: `more ${index}` });
    const newest = it.upstream.commit({ a: 'newest' });
    await untilPublished(it.link, newest, fresh);
    it.upstream.push(`${second}:refs/heads/main`);
    await refused(fresh, 'ERR_VERIFY_REWOUND', second);
    await fresh.stop();
    // Not even a lost repository makes it forget.
    rmSync(join(it.root, '.git'), { recursive: true });
    rmSync(join(it.root, '.worktrees'), { recursive: true });
    rmSync(it.link);
    const restarted = it.start('--fast-forward-only');
    await refused(restarted, 'ERR_VERIFY_REWOUND', second);
    expect(published(it.link)).toBeUndefined();
    await restarted.stop();
    const allowed = it.start('--fast-forward-only', `--allow-rewind=${second}`);
    await untilPublished(it.link, second, allowed);
    it.upstream.push(`${newest}:refs/heads/main`);
    await untilPublished(it.link, newest, allowed);
    it.upstream.push(`${second}:refs/heads/main`);
    await refused(allowed, 'ERR_VERIFY_REWOUND', second);
    expect(published(it.link)).toBe(newest);
  });

  /** What a power cut can leave of a stopped sync: an old state, and of the newest revision neither files nor objects. */
  const tear = ({ root, link, upstream }: Fixture, state: string): void => {
    const gitDir = join(root, '.git');
    writeFileSync(join(gitDir, 'git-sidecar', 'state.json'), JSON.stringify({ ...JSON.parse(state), boot: 'another' }));
    writeFileSync(join(gitDir, 'git-sidecar', 'running'), '1\n');
    for (const file of [join(link, 'a'), ...['refs/heads/git-sync', 'FETCH_HEAD'].map((name) => join(gitDir, name))])
      writeFileSync(file, '');
    for (const name of ['commondir', 'HEAD', 'gitdir', 'index'])
      writeFileSync(join(gitDir, 'worktrees', upstream.head(), name), '');
    for (const line of upstream.git('rev-list', '--objects', 'HEAD^..HEAD').split('\n'))
      rmSync(join(gitDir, 'objects', line.slice(0, 2), line.slice(2, 40)));
  };

  test('does not forget what was shown when a power cut brings an older tree back', async () => {
    const it = fixture();
    const policy = ['--fast-forward-only'];
    const first = it.start(...policy);
    await untilPublished(it.link, it.first, first);
    await first.stop();
    const state = readFileSync(join(it.root, '.git', 'git-sidecar', 'state.json'), 'utf8');
    const second = it.upstream.commit({ a: 'two' });
    const before = it.start(...policy, '--stale-worktree-timeout=1h');
    await untilPublished(it.link, second, before);
    await before.stop();
    tear(it, state);
    renameSync(it.upstream.bare, `${it.upstream.bare}-later`);
    const after = it.start(...policy, '-v=1');
    await after.logged('the last revision was published again');
    expect(published(it.link)).toBe(it.first);
    git(`${it.upstream.bare}-later`, 'update-ref', 'refs/heads/main', it.first);
    renameSync(`${it.upstream.bare}-later`, it.upstream.bare);
    it.upstream.git('reset', '-q', '--hard', it.first);
    await refused(after, 'ERR_VERIFY_REWOUND', it.first);
    const child = it.upstream.commit({ a: 'another two' });
    await refused(after, 'ERR_VERIFY_REWOUND', child);
    expect(published(it.link)).toBe(it.first);
    await after.stop();
    // Nor does the next process.
    const again = it.start(...policy);
    await refused(again, 'ERR_VERIFY_REWOUND', child);
    it.upstream.push(`${second}:refs/heads/main`);
    await untilPublished(it.link, second, again);
  });

  test.each([
    'before 1 /verified.json',
    'after 1 /verified.json',
    'before 1 /link',
    'after 1 /link',
    'before 2 /verified.json',
    'after 2 /verified.json',
  ])('a kill %s forgets nothing that was shown, and refuses nothing because of what was not', async (point) => {
    const it = fixture();
    const policy = ['--fast-forward-only'];
    expect((await run([...it.args, ...policy, '--one-time'])).code).toBe(0);
    const second = it.upstream.commit({ a: 'two' });
    const preload = `--require=${resolve('test/kit/killed-at-rename.cjs')}`;
    const killed = new Sidecar([...it.args, ...policy], { KILLED_AT: point, NODE_OPTIONS: preload });
    expect((await killed.exited).signal).toBe('SIGKILL');
    const wasShown = published(it.link) === second;
    expect(wasShown).toBe(!/ 1 .*json|before 1/.test(point));
    it.upstream.git('reset', '-q', '--hard', it.first);
    const rewritten = it.upstream.commit({ a: 'another two' });
    const after = it.start(...policy);
    if (wasShown) await refused(after, 'ERR_VERIFY_REWOUND', rewritten);
    else await untilPublished(it.link, rewritten, after);
  });
});
