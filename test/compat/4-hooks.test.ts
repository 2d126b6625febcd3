import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpStub } from '../kit/http-stub.ts';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { published, read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { delay, until } from '../peers/wait.ts';

const lines = (path: string): string[] => (read(path) ?? '').split('\n').filter(Boolean);

describe('compat 4 exechook', () => {
  test('v4: no arguments, cwd is the worktree, GITSYNC_HASH and the inherited environment', async () => {
    const { dir, first, root, args } = fixture();
    const hook = script(join(dir, 'hook'), `echo "$# $PWD $GITSYNC_HASH $MINE" >> ${dir}/calls`);
    await run([...args, '--one-time', `--exechook-command=${hook}`], { MINE: 'kept' });
    expect(lines(join(dir, 'calls'))).toEqual([`0 ${root}/.worktrees/${first} ${first} kept`]);
  });

  test('its output is logged at verbosity 1 when it succeeds', async () => {
    const { dir, args } = fixture();
    const hook = script(join(dir, 'hook'), 'echo to-stdout', 'echo to-stderr >&2');
    const quiet = await run([...args, '--one-time', `--exechook-command=${hook}`]);
    expect(quiet.stderr).not.toContain('to-stdout');
    const verbose = await run([...args, '--one-time', '-v=1', `--exechook-command=${hook}`]);
    expect(verbose.stderr).toContain('"stdout":"to-stdout\\n","stderr":"to-stderr\\n"');
  });

  test('the command is not split and no shell is involved: `cmd arg` is one path', async () => {
    const { args } = fixture();
    const { code, stderr } = await run([...args, '--one-time', '--exechook-command=/bin/echo hello']);
    expect(code).toBe(1);
    expect(stderr).toContain('ENOENT');
  });

  test('v4: called once after a restart with the same commit; v3: not called', async () => {
    const { dir, upstream, root, args } = fixture();
    const hook = script(join(dir, 'hook'), `echo x >> ${dir}/calls`);
    for (let times = 0; times < 2; times += 1) await run([...args, '--one-time', `--exechook-command=${hook}`]);
    expect(lines(join(dir, 'calls'))).toHaveLength(2);
    const v3 = [
      `--repo=${upstream.bare}`,
      `--root=${root}3`,
      '--branch=main',
      '--one-time',
      `--exechook-command=${hook}`,
    ];
    for (let times = 0; times < 2; times += 1) expect((await run(v3)).code).toBe(0);
    expect(lines(join(dir, 'calls'))).toHaveLength(3);
  });

  test('--one-time: each hook gets one attempt; v4 exits 1 when one fails, v3 exits 0', async () => {
    const { dir, upstream, root, args, link, first } = fixture();
    const hook = script(join(dir, 'hook'), `echo x >> ${dir}/calls`, 'echo to-stdout', 'echo to-stderr >&2', 'exit 3');
    const stub = await httpStub((_request, response) => void response.writeHead(200).end());
    const v4 = await run([...args, '--one-time', `--exechook-command=${hook}`, `--webhook-url=${stub.url}`]);
    expect(v4.code).toBe(1);
    expect(v4.stderr).toContain('exited with status 3');
    expect(v4.stderr).toContain('to-stdout');
    expect(v4.stderr).toContain('to-stderr');
    expect(published(link)).toBe(first);
    expect(stub.requests).toHaveLength(1);
    expect(lines(join(dir, 'calls'))).toHaveLength(1);
    const v3 = await run([
      `--repo=${upstream.bare}`,
      `--root=${root}3`,
      '--branch=main',
      '--one-time',
      `--exechook-command=${hook}`,
    ]);
    expect(v3.code).toBe(0);
  });

  test('a failure is tried again after the backoff until it succeeds', async () => {
    const { dir, start } = fixture();
    const hook = script(join(dir, 'hook'), `echo x >> ${dir}/calls`, `test $(wc -l < ${dir}/calls) -ge 3`);
    const process = start(`--exechook-command=${hook}`, '--exechook-backoff=1s');
    await until('three calls', () => lines(join(dir, 'calls')).length === 3);
    await delay(1300);
    expect(lines(join(dir, 'calls'))).toHaveLength(3);
    expect(process.count('exechook failed')).toBe(2);
  });

  test('compat 9.7: A→B→A during a slow hook is not lost, and the newest revision wins over those between', async () => {
    const { dir, upstream, first, link, start } = fixture();
    const hook = script(
      join(dir, 'hook'),
      `echo $GITSYNC_HASH >> ${dir}/calls`,
      `until test -e ${dir}/go; do sleep 0.05; done`,
    );
    const process = start(`--exechook-command=${hook}`, '--ref=main', '-v=4');
    await until('the hook runs', () => lines(join(dir, 'calls')).length === 1);
    await untilPublished(link, upstream.commit({ a: 'B' }), process);
    upstream.git('reset', '-q', '--hard', first);
    upstream.push();
    await untilPublished(link, first, process);
    // The link moves first, then hooks are told: the cycle has to be over.
    const cycles = process.count('next sync');
    await until('the hook was told of it', () => process.count('next sync') > cycles);
    writeFileSync(join(dir, 'go'), '');
    await until('it is called again', () => lines(join(dir, 'calls')).length === 2);
    expect(lines(join(dir, 'calls'))).toEqual([first, first]);
  });

  test('compat 9.7: a worktree is not removed while its hook works in it', async () => {
    const { dir, upstream, first, root, link, start } = fixture();
    const hook = script(
      join(dir, 'hook'),
      `echo x >> ${dir}/started`,
      `until test -e ${dir}/go; do sleep 0.05; done`,
      `cat a >> ${dir}/seen`,
      `ls "$PWD" > /dev/null && echo fine >> ${dir}/seen`,
    );
    const process = start(`--exechook-command=${hook}`);
    await untilPublished(link, first, process);
    await until('the hook runs', () => existsSync(join(dir, 'started')));
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    expect(existsSync(join(root, '.worktrees', first))).toBe(true);
    writeFileSync(join(dir, 'go'), '');
    await until('both hooks are done', () => (read(dir, 'seen')?.match(/fine/g) ?? []).length === 2);
    expect(read(dir, 'seen')).toBe('onefine\ntwofine\n');
    await until('the old worktree is gone', () => !existsSync(join(root, '.worktrees', first)));
  });

  test('compat 9.8: the timeout ends the hook with its grandchildren, on time', async () => {
    const { dir, args } = fixture();
    // Longer than this test may take: a hook that is waited for would end it.
    const hook = script(join(dir, 'hook'), 'sleep 600 &', `echo $! > ${dir}/grandchild`, 'sleep 600');
    const { code, stderr } = await run([...args, '--one-time', `--exechook-command=${hook}`, '--exechook-timeout=1s']);
    expect(code).toBe(1);
    expect(stderr).toContain('did not finish within 1000 ms');
    const grandchild = Number(read(dir, 'grandchild'));
    await until('the grandchild is gone', () => !existsSync(`/proc/${grandchild}/fd/0`));
  });

  test('a hook may use git, tar and gzip in the worktree', async () => {
    const { dir, first, args } = fixture();
    const hook = script(
      join(dir, 'hook'),
      'set -e',
      `git rev-parse HEAD > ${dir}/head`,
      `git log --oneline > /dev/null`,
      `tar cz . > ${dir}/x.tgz`,
      `gzip -t ${dir}/x.tgz`,
    );
    expect((await run([...args, '--one-time', `--exechook-command=${hook}`])).code).toBe(0);
    expect(readFileSync(join(dir, 'head'), 'utf8').trim()).toBe(first);
  });
});

describe('compat 4 pre-publish hook (git-sync’s next release, done as its name promises)', () => {
  test('runs in the finished new worktree before the link moves; GITSYNC_HASH is the new commit', async () => {
    const { dir, upstream, first, root, link, start } = fixture();
    const hook = script(
      join(dir, 'hook'),
      `echo "$GITSYNC_HASH $PWD $(cat a) $(readlink ${link} || echo none)" >> ${dir}/calls`,
    );
    const process = start(`--pre-publish-exechook-command=${hook}`);
    await untilPublished(link, first, process);
    const second = upstream.commit({ a: 'two' });
    await untilPublished(link, second, process);
    expect(lines(join(dir, 'calls'))).toEqual([
      `${first} ${root}/.worktrees/${first} one none`,
      `${second} ${root}/.worktrees/${second} two .worktrees/${first}`,
    ]);
  });

  test('a failure publishes nothing, is tried again after the backoff, and a newer commit gets its chance', async () => {
    const { dir, upstream, first, link, start } = fixture();
    const hook = script(join(dir, 'hook'), 'echo checking', 'grep -q good a || grep -q one a');
    const process = start(
      `--pre-publish-exechook-command=${hook}`,
      '--pre-publish-exechook-backoff=1s',
      '--max-failures=1',
    );
    await untilPublished(link, first, process);
    upstream.commit({ a: 'bad' });
    await until(
      'it was asked twice',
      () => process.logs.filter((line) => line.code === 'ERR_NOTIFY_PRE_PUBLISH').length >= 2,
    );
    expect(published(link)).toBe(first);
    await untilPublished(link, upstream.commit({ a: 'good' }), process);
  });

  test('--one-time exits 1 and publishes nothing when it fails', async () => {
    const { dir, link, args } = fixture();
    const hook = script(join(dir, 'hook'), 'exit 1');
    expect((await run([...args, '--one-time', `--pre-publish-exechook-command=${hook}`])).code).toBe(1);
    expect(published(link)).toBeUndefined();
  });
});

describe('compat 4 webhook', () => {
  test('empty POST with Content-Length 0 and Gitsync-Hash; 3.1.1 sends no such header', async () => {
    const { upstream, first, root, args } = fixture();
    const stub = await httpStub((_request, response) => void response.writeHead(200).end());
    expect((await run([...args, '--one-time', `--webhook-url=${stub.url}/path`])).code).toBe(0);
    expect(stub.requests[0]).toMatchObject({ method: 'POST', path: '/path', body: '' });
    expect(stub.requests[0]?.headers).toMatchObject({ 'content-length': '0', 'gitsync-hash': first });
    await run([
      '--compat=v3.1',
      `--repo=${upstream.bare}`,
      `--root=${root}3`,
      '--branch=main',
      '--one-time',
      `--webhook-url=${stub.url}`,
    ]);
    expect(stub.requests[1]?.headers['gitsync-hash']).toBeUndefined();
  });

  test.each([
    ['200', 200, true],
    ['200', 201, false],
    ['204', 204, true],
    ['-1', 500, true],
    ['0', 500, true],
  ])('wanted %s, answered %i: success %s', async (wanted, status, ok) => {
    const { args } = fixture();
    const stub = await httpStub((_request, response) => void response.writeHead(status).end());
    const { code } = await run([
      ...args,
      '--one-time',
      `--webhook-url=${stub.url}`,
      `--webhook-success-status=${wanted}`,
    ]);
    expect(code).toBe(ok ? 0 : 1);
  });

  test('v3.3.5: a success status of 0 never matches and is tried again', async () => {
    const { upstream, root } = fixture();
    const stub = await httpStub((_request, response) => void response.writeHead(200).end());
    const process = sidecar([
      '--compat=v3',
      `--repo=${upstream.bare}`,
      `--root=${root}`,
      '--branch=main',
      `--webhook-url=${stub.url}`,
      '--webhook-success-status=0',
      '--webhook-backoff=1s',
    ]);
    await process.logged('ERR_NOTIFY_WEBHOOK');
    await until('it is tried again', () => stub.requests.length >= 2);
  });

  test('compat 9.7: a redirect is not followed and never becomes a GET elsewhere', async () => {
    const { args } = fixture();
    const target = await httpStub((_request, response) => void response.writeHead(200).end());
    const stub = await httpStub((_request, response) => void response.writeHead(302, { location: target.url }).end());
    const { code, stderr } = await run([...args, '--one-time', `--webhook-url=${stub.url}`]);
    expect(code).toBe(1);
    expect(stderr).toContain('redirect');
    expect(target.requests).toEqual([]);
  });

  test('compat 9.13: userinfo and tokens of the URL are in no log line', async () => {
    const { args } = fixture();
    const stub = await httpStub((_request, response) => void response.writeHead(500).end());
    const url = stub.url.replace('http://', 'http://bot:s3cr3t@');
    const { stderr } = await run([...args, '--one-time', '-v=9', `--webhook-url=${url}/x?token=t0k3n`]);
    expect(stderr).toContain('ERR_NOTIFY_WEBHOOK');
    expect(stderr).not.toMatch(/s3cr3t|t0k3n/);
    expect(stub.requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from('bot:s3cr3t').toString('base64')}`);
  });

  test('a call that takes too long fails and is tried again', async () => {
    const { start } = fixture();
    const stub = await httpStub(async (_request, response) => {
      if (stub.requests.length === 1) await delay(1500);
      response.writeHead(200).end();
    });
    const process = start(`--webhook-url=${stub.url}`, '--webhook-backoff=1s', '-v=1');
    await process.logged('webhook failed');
    await process.logged('webhook succeeded');
  });
});
