import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CloudEvent } from '../../src/notify/cloud-event.ts';
import type { PublishDetails } from '../../src/notify/publish-details.ts';
import { faultsOfEvent } from '../kit/cloud-event-schema.ts';
import { httpStub } from '../kit/http-stub.ts';
import { script } from '../kit/script.ts';
import { type Fixture, fixture } from '../kit/setup.ts';
import { read, run, Sidecar, untilPublished } from '../kit/sidecar.ts';
import { until } from '../peers/wait.ts';

/** A hook that notes each call; calls fail while the file `fail` is there. */
class NotingHook {
  readonly path: string;
  readonly #dir: string;

  constructor(dir: string, name = 'hook') {
    this.#dir = dir;
    const [variables, json, done] = ['env', 'json', 'done'].map((kind) => join(dir, `${name}.${kind}`));
    this.path = script(
      join(dir, name),
      `cat >> ${json}`,
      `{ env -0 | grep -z '^GITSYNC_'; printf 'END\\0'; } >> ${variables}`,
      `echo "$PWD" "$@" >> ${done}`,
      `test ! -e ${dir}/fail`,
    );
  }

  fail(isFailing: boolean): void {
    if (isFailing) writeFileSync(join(this.#dir, 'fail'), '');
    else rmSync(join(this.#dir, 'fail'), { force: true });
  }

  get calls(): PublishDetails[] {
    const lines = (read(`${this.path}.json`) ?? '').split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line) as PublishDetails);
  }

  get variables(): Record<string, string>[] {
    const calls = (read(`${this.path}.env`) ?? '').split('END\0').slice(0, -1);
    return calls.map((text) => {
      const pairs = text.split('\0').slice(0, -1);
      return Object.fromEntries(pairs.map((pair) => [pair.replace(/=.*$/s, ''), pair.replace(/^[^=]*=/, '')]));
    });
  }

  get words(): string[] {
    return (read(`${this.path}.done`) ?? '').split('\n').filter(Boolean);
  }

  /** The call number `count`, from 1, when it has ended. */
  async call(count: number): Promise<PublishDetails> {
    await until(`call ${count} of the hook`, () => this.words.length >= count);
    const call = this.calls[count - 1];
    if (!call) throw new Error(`call ${count} got no details`);
    return call;
  }
}

function setUp(more: readonly string[] = []) {
  const given = fixture();
  const hook = new NotingHook(given.dir);
  const args = [`--exechook-command=${hook.path}`, '--hook-details', '--ref=main', '--exechook-backoff=1s', ...more];
  return { ...given, hook, args, once: async () => await run([...given.args, '--one-time', ...args]) };
}

const pathsOf = ({ changes }: PublishDetails): string[] | null => changes?.map(({ path }) => path) ?? null;

describe('--hook-details', () => {
  test('gives the exechook everything about a publish, as JSON and as variables', async () => {
    const { upstream, first, root, link, start, args, hook } = setUp();
    upstream.commit({ gone: 'x', 'dir/text': 'x' });
    const process = start(...args);
    const one = await hook.call(1);
    expect(one).toMatchObject({
      oldCommit: null,
      changes: null,
      changesUnknown: 'no-old-commit',
      ref: 'refs/heads/main',
    });
    expect(one.commit).not.toBe(first);
    upstream.git('config', 'user.name', 'unused');
    const second = upstream.commit({ gone: null, 'dir/text': 'y', added: 'z' }, 'Second: "quoted"\nand so on\n\nBody.');
    await untilPublished(link, second, process);
    const two = await hook.call(2);
    expect(two).toEqual({
      repository: upstream.bare,
      ref: 'refs/heads/main',
      commit: second,
      oldCommit: one.commit,
      directory: join(root, '.worktrees', second),
      path: null,
      author: { name: 'A U Thor', email: 'author@example.com' },
      authoredAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
      committedAt: expect.stringMatching(/Z$/),
      subject: 'Second: "quoted" and so on',
      changes: [
        { path: 'added', change: 'added' },
        { path: 'dir/text', change: 'modified' },
        { path: 'gone', change: 'removed' },
      ],
      changesTruncated: false,
      changesUnknown: null,
    });
    expect(hook.variables[1]).toEqual({
      GITSYNC_HASH: second,
      GITSYNC_OLD_HASH: one.commit,
      GITSYNC_REF: 'refs/heads/main',
      GITSYNC_AUTHOR_NAME: 'A U Thor',
      GITSYNC_AUTHOR_EMAIL: 'author@example.com',
      GITSYNC_AUTHOR_DATE: two.authoredAt,
      GITSYNC_SUBJECT: 'Second: "quoted" and so on',
      GITSYNC_CHANGED_PATHS: 'added\ndir/text\ngone',
      GITSYNC_CHANGES: 'complete',
    });
  });

  test('with --path it names the part, and the changes in it alone, also those of commits that were passed over', async () => {
    const { upstream, hook, once } = setUp(['--path=part', '--depth=0']);
    upstream.commit({ 'part/a': '1', top: '1' });
    expect((await once()).code).toBe(0);
    upstream.commit({ top: '2' });
    expect((await once()).code).toBe(0);
    upstream.commit({ 'part/b': '1', top: '3' });
    expect((await once()).code).toBe(0);
    const [first, , last] = hook.calls;
    expect(first).toMatchObject({ path: 'part', changesUnknown: 'no-old-commit' });
    expect(last).toMatchObject({ path: 'part', oldCommit: first?.commit });
    expect(last && pathsOf(last)).toEqual(['part/b']);
  });

  test('with --path it names attributes above the part, which change how its files are written', async () => {
    const { upstream, hook, once } = setUp(['--path=part/deep', '--depth=0']);
    upstream.commit({ 'part/deep/a': 'line\n', top: '1' });
    expect((await once()).code).toBe(0);
    upstream.commit({ '.gitattributes': 'part/deep/a eol=crlf\n', 'part/.gitattributes': '* text\n', top: '2' });
    expect((await once()).code).toBe(0);
    const last = hook.calls.at(-1);
    expect(last && pathsOf(last)).toEqual(['.gitattributes', 'part/.gitattributes']);
  });

  test('without it a hook gets the commit and nothing on standard input', async () => {
    const { dir, args } = fixture();
    const hook = new NotingHook(dir);
    await run([...args, '--one-time', `--exechook-command=${hook.path}`]);
    expect([hook.words.length, hook.calls]).toEqual([1, []]);
    expect(Object.keys(hook.variables[0] ?? {})).toEqual(['GITSYNC_HASH']);
  });

  test('a hook that failed learns everything since its last success, also when garbage is collected at once', async () => {
    const { upstream, first, link, start, args, hook } = setUp(['--git-gc=always']);
    const process = start(...args, '-v=1');
    await process.logged('exechook succeeded');
    hook.fail(true);
    const second = upstream.commit({ b: 'two' });
    await untilPublished(link, second, process);
    expect(await hook.call(2)).toMatchObject({ commit: second, oldCommit: first });
    const third = upstream.commit({ c: 'three' });
    await untilPublished(link, third, process);
    await until('it is called for the third', () => hook.calls.some(({ commit }) => commit === third));
    hook.fail(false);
    const called = hook.calls.findIndex(({ commit }) => commit === third);
    const call = hook.calls[called] as PublishDetails;
    expect([call.oldCommit, pathsOf(call)]).toEqual([first, ['b', 'c']]);
  });

  test('a hook that was slow while the ref went to another commit and back learns that nothing changed', async () => {
    const { upstream, first, link, start, args, hook } = setUp();
    const process = start(...args, '-v=1');
    await process.logged('exechook succeeded');
    hook.fail(true);
    const second = upstream.commit({ b: 'two' });
    await untilPublished(link, second, process);
    await hook.call(2);
    upstream.git('reset', '-q', '--hard', first);
    upstream.push();
    await untilPublished(link, first, process);
    await until('it is called for the first again', () => hook.calls.slice(2).some(({ commit }) => commit === first));
    hook.fail(false);
    const back = hook.calls.slice(2).find(({ commit }) => commit === first);
    expect([back?.oldCommit, back?.changes]).toEqual([first, []]);
  });

  test('the old commit is known after a restart, and another program starts without one', async () => {
    const { dir, args: base, upstream, first, once, hook } = setUp(['--git-gc=always']);
    expect((await once()).code).toBe(0);
    expect((await once()).code).toBe(0);
    expect(await hook.call(2)).toMatchObject({ commit: first, oldCommit: first, changes: [] });
    const second = upstream.commit({ b: 'two' });
    expect((await once()).code).toBe(0);
    const call = await hook.call(3);
    expect([call.commit, call.oldCommit, pathsOf(call)]).toEqual([second, first, ['b']]);
    const other = new NotingHook(dir, 'other');
    const more = base.filter((arg) => !arg.startsWith('--exechook-command'));
    const all = [`--repo=${upstream.bare}`, `--root=${join(dir, 'root')}`, '--link=link', '--one-time', ...more];
    expect((await run([...all, `--exechook-command=${other.path}`])).code).toBe(0);
    expect(await other.call(1)).toMatchObject({ oldCommit: null, changesUnknown: 'no-old-commit' });
  });

  test('nothing is kept for a hook that is not configured any more', async () => {
    const { args: base, root, once, upstream, dir } = setUp();
    await once();
    const refs = (): string => upstream.git('--git-dir', join(root, '.git'), 'for-each-ref', 'refs/git-sidecar/');
    expect(refs()).toContain('refs/git-sidecar/notified/exechook-');
    const plain = base.filter((arg) => arg !== '--hook-details');
    const all = [`--repo=${upstream.bare}`, `--root=${join(dir, 'root')}`, '--link=link', '--one-time', ...plain];
    expect((await run(all)).code).toBe(0);
    expect(refs()).toBe('');
  });

  test('an old commit that the repository does not have any more costs the list of changes, not the call', async () => {
    const { root, upstream, once, hook } = setUp();
    await once();
    const file = join(root, '.git/git-sidecar/state.json');
    const state = JSON.parse(readFileSync(file, 'utf8')) as { notified: Record<string, string> };
    const lost = 'd'.repeat(40);
    const notified = Object.fromEntries(Object.keys(state.notified).map((name) => [name, lost]));
    writeFileSync(file, JSON.stringify({ ...state, notified }));
    const second = upstream.commit({ b: 'two' });
    expect((await once()).code).toBe(0);
    const call = await hook.call(2);
    expect(call).toMatchObject({ commit: second, oldCommit: lost, changes: null, changesUnknown: 'old-commit-gone' });
  });

  test('a state that was lost costs the old commit, not the call', async () => {
    const { root, once, hook, first } = setUp();
    await once();
    rmSync(join(root, '.git'), { recursive: true });
    expect((await once()).code).toBe(0);
    expect(await hook.call(2)).toMatchObject({ commit: first, oldCommit: null, changesUnknown: 'no-old-commit' });
  });

  test('a git that cannot answer costs the details, not the call', async () => {
    const { dir, upstream, first, args, hook } = setUp();
    const git = script(join(dir, 'git'), 'case "$1" in log|diff-tree) echo no >&2; exit 1;; esac', 'exec git "$@"');
    const all = [`--repo=${upstream.bare}`, `--root=${join(dir, 'root')}`, '--link=link', '--one-time', `--git=${git}`];
    expect((await run([...all, ...args])).code).toBe(0);
    expect(await hook.call(1)).toMatchObject({ commit: first, author: null, subject: null, authoredAt: null });
    upstream.commit({ b: 'two' });
    expect((await run([...all, ...args])).code).toBe(0);
    expect(await hook.call(2)).toMatchObject({ oldCommit: first, changes: null, changesUnknown: 'unreadable' });
  });

  test('a hook that does not read its standard input succeeds, however much there is', async () => {
    const { dir, args, upstream } = fixture();
    const hook = script(join(dir, 'hook'), 'exit 0');
    const all = [...args, '--one-time', `--exechook-command=${hook}`, '--hook-details'];
    expect((await run(all)).code).toBe(0);
    upstream.commit(
      Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`d/${'x'.repeat(60)}${index}`, 'y'])),
    );
    const { code, stderr } = await run(all);
    expect(code, stderr).toBe(0);
  });

  test('syncs that share a store keep the old commits of their hooks in it', async () => {
    const { dir, upstream, first, hook } = setUp();
    const file = join(dir, 'git.yaml');
    const root = join(dir, 'root');
    const options = `repo: ${upstream.bare}, root: ${root}, link: link, ref: main, period: 100ms, git-gc: always`;
    const hooks = `exechook-command: ${hook.path}, exechook-backoff: 1s, hook-details: true`;
    writeFileSync(file, `log: {verbose: 1}\nstore: ${dir}/store\nsync: [{name: a, ${options}, ${hooks}}]\n`);
    const up = (): Sidecar => new Sidecar(['up', file], { HOME: dir }, { command: 'git-sidecar' });
    const process = up();
    await process.logged('exechook succeeded');
    hook.fail(true);
    for (const name of ['b', 'c']) await untilPublished(join(root, 'link'), upstream.commit({ [name]: 'x' }), process);
    await until('it is called for the newest', () => hook.calls.at(-1)?.commit === upstream.head());
    await process.stop();
    const calls = hook.calls.length;
    hook.fail(false);
    await up().logged('exechook succeeded');
    const call = hook.calls[calls] as PublishDetails;
    expect([call.oldCommit, pathsOf(call)]).toEqual([first, ['b', 'c']]);
  });

  test('the pre-publish hook learns what is published and what would be', async () => {
    const { dir, upstream, first, args } = fixture();
    const hook = new NotingHook(dir);
    const all = [...args, '--one-time', `--pre-publish-exechook-command=${hook.path}`, '--hook-details'];
    expect((await run(all)).code).toBe(0);
    hook.fail(true);
    const refused = upstream.commit({ b: 'two' });
    expect((await run(all)).code).toBe(1);
    const third = upstream.commit({ c: 'three' });
    expect((await run(all)).code).toBe(1);
    const [one, two, three] = hook.calls;
    expect(one).toMatchObject({ commit: first, oldCommit: null });
    expect(two).toMatchObject({ commit: refused, oldCommit: first, changes: [{ path: 'b', change: 'added' }] });
    expect(three).toMatchObject({ commit: third, oldCommit: first });
    expect(three && pathsOf(three)).toEqual(['b', 'c']);
  });

  test('paths that are not UTF-8 arrive whole', async () => {
    const { dir, upstream, once, hook } = setUp();
    await once();
    const name = Buffer.concat([Buffer.from(`${upstream.work}/`), Buffer.from('caf\xe9\n', 'latin1')]);
    writeFileSync(name, 'x');
    upstream.commit({});
    await once();
    const change = (await hook.call(2)).changes?.[0];
    expect(Buffer.from(change?.pathBase64 ?? '', 'base64').toString('latin1')).toBe('caf\xe9\n');
    expect(hook.variables[1]?.GITSYNC_CHANGED_PATHS).toBe('"caf\\351\\n"');
    expect(existsSync(dir)).toBe(true);
  });
});

describe('--exechook-arg', () => {
  test('gives the hooks arguments exactly as they are written', async () => {
    const { dir, first, root, args } = fixture();
    const hook = new NotingHook(dir);
    const words = ['--exechook-arg=two words', '--exechook-arg=$HOME *', '--exechook-arg='];
    expect((await run([...args, '--one-time', `--exechook-command=${hook.path}`, ...words])).code).toBe(0);
    expect(hook.words).toEqual([`${join(root, '.worktrees', first)} two words $HOME * `]);
  });

  test('is refused without a command', async () => {
    const { args } = fixture();
    const { code, stderr } = await run([...args, '--one-time', '--exechook-arg=x']);
    expect(code).toBe(1);
    expect(stderr).toContain('--exechook-arg needs --exechook-command');
  });

  test('in a document it is a list', async () => {
    const { dir, upstream, first } = fixture();
    const hook = new NotingHook(dir);
    const file = join(dir, 'git.yaml');
    const unit = [
      '  - name: a',
      `    repo: ${upstream.bare}`,
      `    root: ${dir}/root`,
      '    one-time: true',
      `    exechook-command: ${hook.path}`,
      '    exechook-arg: [one, --two, "3 4"]',
      '    hook-details: true',
    ];
    writeFileSync(file, `sync:\n${unit.join('\n')}\n`);
    const up = new Sidecar(['up', file], { HOME: dir }, { command: 'git-sidecar' });
    expect((await hook.call(1)).commit).toBe(first);
    await up.stop();
    expect(hook.words[0]).toMatch(/ one --two 3 4$/);
    const explained = await run(['up', file, '--explain'], {}, 'git-sidecar');
    expect(explained.stdout).toContain('--two');
  });
});

describe('--webhook-format=cloudevents', () => {
  function hooked(given: Fixture, url: string): string[] {
    return [...given.args, '--one-time', '--ref=main', `--webhook-url=${url}`, '--webhook-format=cloudevents'];
  }

  test('sends a valid event with the details, and the header that git-sync sends', async () => {
    const given = fixture();
    const { upstream, first, link, args } = given;
    const stub = await httpStub((_request, response) => void response.writeHead(200).end());
    expect((await run(hooked(given, stub.url))).code).toBe(0);
    const second = upstream.commit({ b: 'two' }, 'Größe');
    expect((await run(hooked(given, stub.url))).code).toBe(0);
    const [, request] = stub.requests;
    expect(request?.headers).toMatchObject({
      'content-type': 'application/cloudevents+json',
      'content-length': String(Buffer.byteLength(request?.body ?? '')),
      'gitsync-hash': second,
    });
    const event = JSON.parse(request?.body ?? '') as CloudEvent;
    expect(faultsOfEvent(event)).toEqual([]);
    expect(event).toMatchObject({ subject: 'refs/heads/main', source: expect.stringMatching(`^file://.+${link}$`) });
    expect(event.data).toMatchObject({
      commit: second,
      oldCommit: first,
      subject: 'Größe',
      changes: [{ path: 'b', change: 'added' }],
    });
    expect(args).toBe(given.args);
  });

  test('every attempt to deliver a publish has the same id', async () => {
    const { start } = fixture();
    const stub = await httpStub(
      (_request, response) => void response.writeHead(stub.requests.length < 3 ? 500 : 200).end(),
    );
    start(`--webhook-url=${stub.url}`, '--webhook-format=cloudevents', '--webhook-backoff=1s');
    await until('three attempts', () => stub.requests.length >= 3);
    const bodies = stub.requests.map(({ body }) => body);
    expect(new Set(bodies).size).toBe(1);
  });

  test('credentials of the repository and of the webhook are neither in the event nor on disk', async () => {
    const given = fixture();
    const stub = await httpStub((_request, response) => void response.writeHead(200).end());
    const url = stub.url.replace('http://', 'http://bot:s3cr3t@');
    expect((await run(hooked(given, `${url}/x?token=t0k3n`))).code).toBe(0);
    expect(stub.requests[0]?.body).not.toMatch(/s3cr3t|t0k3n/);
    expect(readFileSync(join(given.root, '.git/git-sidecar/state.json'), 'utf8')).not.toMatch(/s3cr3t|t0k3n|bot/);
  });

  test('is refused with a method that has no body', async () => {
    const given = fixture();
    const { code, stderr } = await run([...hooked(given, 'http://127.0.0.1:9'), '--webhook-method=get']);
    expect(code).toBe(1);
    expect(stderr).toContain('needs a --webhook-method with a body');
  });
});
