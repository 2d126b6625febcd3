import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type GuardedGit, guardedGit } from '../kit/guarded-git.ts';
import { ALL_PARTIES, PARTIES, type Party } from '../kit/identity-parties.ts';
import { startRelay } from '../kit/relay.ts';
import { read, run, type Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';
import { delay, until } from '../peers/wait.ts';

/** A credential that is younger is not replaced when a git server refuses it. */
const YOUNG_MS = 5000;

interface Setting {
  readonly dir: string;
  readonly party: Party;
  readonly git: GuardedGit;
  readonly upstream: Upstream;
  readonly link: string;
  readonly args: readonly string[];
}

async function setUp(name: string): Promise<Setting> {
  const dir = tempDir();
  const party = await (ALL_PARTIES[name] as (dir: string) => Promise<Party>)(dir);
  const upstream = new Upstream(join(dir, 'srv/v1/repos'), 'app');
  const git = await guardedGit(join(dir, 'srv'), (shown) => party.accepts(shown));
  const root = join(dir, 'root');
  const args = [
    `--repo=${git.url}/v1/repos/app`,
    `--root=${root}`,
    '--link=link',
    '--period=100ms',
    '--max-failures=-1',
  ];
  return { dir, party, git, upstream, link: join(root, 'link'), args: [...args, ...party.args] };
}

function expectNothingShown(process: Sidecar, party: Party): void {
  for (const secret of party.secrets()) expect(process.stderr + process.stdout).not.toContain(secret);
  expect(process.stderr + process.stdout).not.toContain('S3cret');
}

describe.each(Object.keys(PARTIES))('an identity: %s', (name) => {
  test('is obtained once, kept, and obtained anew when the git server refuses what was rotated', async () => {
    const { party, git, upstream, link, args } = await setUp(name);
    const first = upstream.commit({ a: 'one' });
    const process = sidecar([...args, '-v=5', '--http-bind=127.0.0.1:0', '--http-metrics'], party.env);
    await untilPublished(link, first, process);
    const keptSince = Date.now();
    const asked = party.requests.length;
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    expect(party.requests.length).toBe(asked);
    await delay(YOUNG_MS + 500 - (Date.now() - keptSince));
    party.serial = 2;
    await untilPublished(link, upstream.commit({ a: 'three' }), process);
    expect(git.refused()).toBeGreaterThan(0);
    expect(party.problems).toEqual([]);
    const { port } = await process.logged('serving HTTP');
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const kind = /--identity=(\w+)/.exec(party.args.join(' '))?.[1];
    expect(metrics).toContain(`git_sidecar_identity_count_total{identity="${kind}",status="success"} 2`);
    expect(process.count('sync failed'), process.stderr).toBe(0);
    expectNothingShown(process, party);
  });
});

describe('a party that is down', () => {
  test('stops nothing while its credential is valid; then the error names it, and all goes on when it is back', async () => {
    const { party, upstream, link, args } = await setUp('azure workload identity');
    party.lifeS = 4;
    const process = sidecar([...args], party.env);
    await untilPublished(link, upstream.commit({ a: 'one' }), process);
    party.mood = 'down';
    await process.logged('the credential could not be renewed');
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    const line = await process.logged('ERR_REMOTE_CREDENTIAL_SOURCE');
    expect(line.error).toMatch(/get a credential from Microsoft Entra ID at http:\S+: the answer has status 500/);
    party.mood = 'well';
    party.serial = 2;
    await untilPublished(link, upstream.commit({ a: 'three' }), process);
    expectNothingShown(process, party);
  });

  test('at the start is named, and the first sync comes when it is back', async () => {
    const { party, upstream, link, args } = await setUp('vault');
    party.mood = 'refuses';
    const first = upstream.commit({ a: 'one' });
    const process = sidecar([...args], party.env);
    const line = await process.logged('ERR_REMOTE_CREDENTIAL_SOURCE');
    expect(line.error).toContain('Vault at');
    expect(line.error).toContain('status 403, permission denied');
    expect(line.hint).toContain('vault read auth/kubernetes/role/git-reader');
    party.mood = 'well';
    await untilPublished(link, first, process);
  });

  test('a missing variable ends the program at once with status 1', async () => {
    const { code, stderr } = await run(['--repo=https://h/r', `--root=${tempDir()}`, '--identity=aws']);
    expect(code).toBe(1);
    expect(stderr).toContain('--identity=aws needs AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE');
  });
});

/** A setting that only git understands. */
const BY_GIT = '--git-config=http.sslVersion:tlsv1.2';

const EVERYWHERE = Object.keys(ALL_PARTIES).flatMap((name) =>
  [true, false].map((isNative) => ({ name, isNative, who: isNative ? 'the sidecar' : 'git' })),
);

describe('an identity is the same on every way', () => {
  test.each(EVERYWHERE)(
    '$name: commits, a submodule on the same server and large files come with it, when $who asks the server',
    async ({ name, isNative }) => {
      const { dir, party, git, upstream, link, args } = await setUp(name);
      const library = new Upstream(join(dir, 'srv/v1/repos'), 'library');
      const oid = library.commit({ l: 'of the submodule' });
      upstream.write({ '.gitmodules': `[submodule "lib"]\n\tpath = lib\n\turl = ${git.url}/v1/repos/library\n` });
      upstream.git('update-index', '--add', '--cacheinfo', `160000,${oid},lib`);
      upstream.git('add', '.gitmodules');
      // CodeCommit has no git-lfs.
      const hasLfs = !missing('git-lfs') && !name.startsWith('aws');
      const content = 'large content';
      const id = createHash('sha256').update(content).digest('hex');
      git.large.set(id, content);
      if (hasLfs) {
        const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${id}\nsize ${content.length}\n`;
        upstream.write({ '.gitattributes': '*.bin filter=lfs -text\n', 'x.bin': pointer });
        upstream.git('add', '.gitattributes', 'x.bin');
      }
      upstream.git('commit', '-q', '-m', 'with a submodule and a large file');
      upstream.push();
      const more = [...(isNative ? [] : [BY_GIT]), ...(hasLfs ? ['--lfs'] : []), '-v=3'];
      const process = sidecar([...args, ...more], party.env);
      await untilPublished(link, upstream.head(), process);
      expect(read(link, 'lib/l')).toBe('of the submodule');
      if (hasLfs) expect(read(link, 'x.bin')).toBe(content);
      expect(process.stderr.includes('"msg":"fetched"'), process.stderr).toBe(isNative);
      const second = upstream.commit({ a: 'two' });
      await untilPublished(link, second, process);
      expect(party.problems).toEqual([]);
      expectNothingShown(process, party);
    },
  );
});

describe('a relay', () => {
  test('follows with an identity, also when its credential is rotated; subscribers need none', async () => {
    const { dir, party, git, upstream, link } = await setUp('aws web identity');
    const first = upstream.commit({ a: 'one' });
    const relay = await startRelay({ dir, args: [`--allow=${git.url}/v1/repos/*`, ...party.args], env: party.env });
    const process = sidecar([
      ...[`--repo=${git.url}/v1/repos/app`, `--root=${join(dir, 'root')}`, '--link=link'],
      ...[`--relay=${relay.url}`, '--period=1h'],
    ]);
    await untilPublished(link, first, process);
    const keptSince = Date.now();
    await delay(YOUNG_MS + 500 - (Date.now() - keptSince));
    party.serial = 2;
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    expect(party.problems).toEqual([]);
    expectNothingShown(relay.process, party);
    expect(relay.process.count('the git server cannot be followed')).toBe(0);
  });
});

describe('the doctor', () => {
  test('asks the identity as a sync does, and names it', async () => {
    const { party, upstream, args } = await setUp('oauth token exchange');
    upstream.commit({ a: 'one' });
    const well = await run(['doctor', ...args, '--ref=main'], { ...party.env }, 'git-sidecar');
    expect(well.stdout).toMatch(/✓ credential source +token exchange of \S+ at 127\.0\.0\.1:\d+: they can be read/);
    expect(well.stdout).toMatch(/✓ credentials .*accepted: token exchange of/);
    party.mood = 'refuses';
    const ill = await run(['doctor', ...args, '--ref=main'], { ...party.env }, 'git-sidecar');
    expect(ill.stdout).toMatch(
      /✗ credential source .*status 400, invalid_request: subject_token is not trusted → .*kubectl create token/,
    );
    expect(well.stdout + ill.stdout).not.toContain('S3cret');
  });
});

describe('a credential helper', () => {
  /** A git server that accepts one password, which the test may change. */
  async function guarded() {
    const dir = tempDir();
    const upstream = new Upstream(join(dir, 'srv'));
    const accepted = { password: 'S3cret-one' };
    const git = await guardedGit(
      join(dir, 'srv'),
      (shown) => shown.username === 'me' && shown.password === accepted.password,
    );
    const root = join(dir, 'root');
    const args = [`--repo=${git.url}/repo.git`, `--root=${root}`, '--link=link', '--period=100ms', '--max-failures=-1'];
    return { dir, upstream, git, accepted, args, link: join(root, 'link') };
  }

  test.each([
    ['the sidecar', []],
    ['git', [BY_GIT]],
  ])(
    'of git, `store`: a password that was replaced in its file is used as soon as the old one is refused (%s asks the server)',
    async (_who, more) => {
      const { dir, upstream, git, accepted, args, link } = await guarded();
      const file = join(dir, 'stored');
      const write = (password: string): void =>
        writeFileSync(file, `http://me:${password}@${git.url.slice(7)}\n`, { mode: 0o600 });
      write('S3cret-one');
      const process = sidecar([...args, ...more, `--credential-helper=store --file=${file}`]);
      await untilPublished(link, upstream.commit({ a: 'one' }), process);
      const keptSince = Date.now();
      await delay(YOUNG_MS + 500 - (Date.now() - keptSince));
      accepted.password = 'S3cret-two';
      write('S3cret-two');
      await untilPublished(link, upstream.commit({ a: 'two' }), process);
      expect(process.stderr).not.toContain('S3cret');
    },
  );

  test('in shell: a password that ends is replaced before it does, and no sync fails', async () => {
    const { dir, upstream, accepted, args, link } = await guarded();
    const answer = join(dir, 'answer');
    const write = (seconds: number): void =>
      writeFileSync(
        answer,
        `username=me\npassword=${accepted.password}\npassword_expiry_utc=${Math.floor(Date.now() / 1000) + seconds}\n`,
      );
    write(5);
    const process = sidecar([...args, `--credential-helper=!f() { test "$1" = get && cat ${answer}; exit 0; }; f`]);
    await untilPublished(link, upstream.commit({ a: 'one' }), process);
    accepted.password = 'S3cret-two';
    write(3600);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    expect(process.count('sync failed')).toBeLessThanOrEqual(1);
    expect(process.stderr).not.toContain('S3cret');
  });

  test('that hangs is given up and named, and asks nobody; the sync goes on when it answers', async () => {
    const { dir, upstream, args, link } = await guarded();
    const answer = join(dir, 'answer');
    const first = upstream.commit({ a: 'one' });
    const helper = `!f() { test "$1" = get || exit 0; test -e ${answer} || sleep 60; cat ${answer}; }; f`;
    const process = sidecar([...args, `--credential-helper=${helper}`]);
    const line = await process.logged('ERR_REMOTE_CREDENTIAL_SOURCE', 30_000);
    expect(line.error).toContain('the credential helper in shell');
    expect(line.error).toContain('it did not end within 10 s');
    writeFileSync(answer, 'username=me\npassword=S3cret-one\n');
    await untilPublished(link, first, process);
  });

  test('is asked by git for a submodule on another server', async () => {
    const { dir, upstream, args, link, git } = await guarded();
    const library = new Upstream(join(dir, 'other'), 'library.git');
    const oid = library.commit({ l: 'of the submodule' });
    const other = await guardedGit(
      join(dir, 'other'),
      ({ username, password }) => `${username}:${password}` === 'sub:S3cret-sub',
    );
    upstream.write({ '.gitmodules': `[submodule "lib"]\n\tpath = lib\n\turl = ${other.url}/library.git\n` });
    upstream.git('update-index', '--add', '--cacheinfo', `160000,${oid},lib`);
    upstream.git('add', '.gitmodules');
    upstream.git('commit', '-q', '-m', 'with a submodule');
    upstream.push();
    const file = join(dir, 'stored');
    const lines = [`http://me:S3cret-one@${git.url.slice(7)}`, `http://sub:S3cret-sub@${other.url.slice(7)}`];
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
    const process = sidecar([...args, `--credential-helper=store --file=${file}`]);
    await untilPublished(link, upstream.head(), process);
    expect(read(link, 'lib/l')).toBe('of the submodule');
    await until('the password is still in its file', () => read(file)?.includes('S3cret-one'));
  });

  test('without a password for a public repository changes nothing', async () => {
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const first = upstream.commit({ a: 'one' });
    const { httpGit } = await import('../kit/http-git.ts');
    const link = join(dir, 'root/link');
    const process = sidecar([
      ...[`--repo=${await httpGit(dir)}/repo.git`, `--root=${join(dir, 'root')}`, '--link=link', '--period=100ms'],
      '--credential-helper=!true',
    ]);
    await untilPublished(link, first, process);
  });
});
