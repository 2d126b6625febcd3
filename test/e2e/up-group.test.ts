import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { tempDir } from '../kit/temp.ts';
import { startUp, type Up } from '../kit/up.ts';
import { Upstream } from '../kit/upstream.ts';
import { delay, until } from '../peers/wait.ts';

const NAMES = ['app', 'config', 'data'];

interface GroupOptions {
  readonly extra?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly period?: string;
  readonly within?: readonly string[];
}

/** A document with three repositories in one group, each with its first revision. */
async function startGroup({ extra = {}, period = '300ms', within }: GroupOptions = {}) {
  const dir = tempDir();
  const srv = join(dir, 'srv');
  const upstreams = Object.fromEntries(NAMES.map((name) => [name, new Upstream(srv, `${name}.git`)]));
  const push = (name: string, text: string): void => void upstreams[name]?.commit({ file: text });
  for (const name of NAMES) push(name, 'first');
  const url = await httpGit(srv);
  const token = join(dir, 'token');
  writeFileSync(token, 'secret');
  const make = (bind: string) => ({
    http: { bind, 'sync-token-file': token },
    defaults: { period, 'sync-timeout': '5s' },
    sync: NAMES.map((name) => ({
      name,
      group: 'release',
      repo: `${url}/${name}.git`,
      root: join(dir, name),
      link: 'current',
      ...extra[name],
    })),
  });
  const started = await startUp(dir, make, within);
  const shown = (): string[] =>
    NAMES.map((name) => {
      const file = join(dir, name, 'current/file');
      return existsSync(file) ? readFileSync(file, 'utf8') : 'nothing';
    });
  const untilShown = async (up: Up, texts: readonly string[]): Promise<void> => {
    await until(
      () => `${texts} instead of ${shown()}\n${up.process.stderr.slice(-3000)}`,
      () => texts.join() === shown().join(),
      30_000,
    );
  };
  return { ...started, make, dir, srv, push, shown, untilShown };
}

/** Starts a sync of `name` now; nobody waits for its end. */
async function ask(up: Up, name: string): Promise<void> {
  const headers = { authorization: 'Bearer secret' };
  const answer = await fetch(`${up.url}/sync/${name}`, { method: 'POST', headers });
  expect(answer.status).toBe(202);
}

/** The syncs for which the group of `name` waits. */
async function waitsFor(up: Up, name: string): Promise<string | undefined> {
  const unit = (await up.unit(name)) as { readonly group?: { readonly waitsFor: readonly string[] } } | undefined;
  return unit?.group?.waitsFor.join();
}

const stop = async ({ process }: Up): Promise<void> => {
  const gone = new Promise((done) => process.child.once('exit', done));
  process.child.kill('SIGTERM');
  await gone;
};

describe('syncs of a group', () => {
  test('show nothing new before the slowest of them is ready, and then all', async () => {
    const dir = tempDir();
    const [hook, asked, go] = ['hook', 'asked', 'go'].map((name) => join(dir, name)) as [string, string, string];
    writeFileSync(hook, `#!/bin/sh\ntouch ${asked}\n[ -e ${go} ]\n`);
    chmodSync(hook, 0o755);
    writeFileSync(go, '');
    const veto = { 'pre-publish-exechook-command': hook, 'pre-publish-exechook-backoff': '1s' };
    const { up, push, untilShown, shown } = await startGroup({ extra: { config: veto } });
    await untilShown(up, ['first', 'first', 'first']);
    for (const each of [go, asked]) rmSync(each);
    for (const name of NAMES) push(name, 'second');
    await until('the others are ready', async () => existsSync(asked) && (await waitsFor(up, 'data')) === 'config');
    await delay(1500);
    expect(shown()).toEqual(['first', 'first', 'first']);
    writeFileSync(go, '');
    await untilShown(up, ['second', 'second', 'second']);
  });

  test('one that moves alone is shown as soon as the others have said that they did not, long before their periods', async () => {
    const { up, push, untilShown } = await startGroup({ period: '1h' });
    await untilShown(up, ['first', 'first', 'first']);
    push('data', 'second');
    await ask(up, 'data');
    await untilShown(up, ['first', 'first', 'second']);
  });

  test('do not wait for the period of one that came later and had something to repair only', async () => {
    const started = await startGroup({ period: '1h' });
    const { up, map, bind, make, push, untilShown, srv, dir } = started;
    await untilShown(up, ['first', 'first', 'first']);
    renameSync(join(srv, 'config.git'), join(srv, 'away.git'));
    push('app', 'second');
    await ask(up, 'app');
    await until('it waits', async () => (await waitsFor(up, 'app')) === 'config');
    renameSync(join(srv, 'away.git'), join(srv, 'config.git'));
    const document = make(bind);
    const sync = document.sync.map((unit) => (unit.name === 'config' ? { ...unit, link: 'other' } : unit));
    map.write({ ...document, sync });
    await until('it is there', () => existsSync(join(dir, 'config/other/file')));
    await until('the other one is shown', () => readFileSync(join(dir, 'app/current/file'), 'utf8') === 'second');
  });

  test('wait for one whose remote cannot be asked, and say so', async () => {
    const { up, push, untilShown, shown, srv } = await startGroup();
    await untilShown(up, ['first', 'first', 'first']);
    renameSync(join(srv, 'config.git'), join(srv, 'away.git'));
    push('app', 'second');
    await until('it says for whom it waits', async () => (await waitsFor(up, 'app')) === 'config');
    await until('it says so in the log', () => up.process.stderr.includes('it waits for config'), 20_000);
    expect(shown()).toEqual(['first', 'first', 'first']);
    renameSync(join(srv, 'away.git'), join(srv, 'config.git'));
    await untilShown(up, ['second', 'first', 'first']);
  });

  test('a published tree that was damaged is repaired without the others', async () => {
    const { up, untilShown, srv, dir } = await startGroup({ extra: { app: { 'verify-period': '100ms' } } });
    await untilShown(up, ['first', 'first', 'first']);
    renameSync(join(srv, 'config.git'), join(srv, 'away.git'));
    writeFileSync(join(dir, 'app/current/file'), 'of somebody else');
    await untilShown(up, ['first', 'first', 'first']);
  });

  test.each([1, 2, 3])(
    'killed before the link number %i is switched: the next start shows all, before it asks anybody',
    async (at) => {
      const dir = tempDir();
      const armed = join(dir, 'armed');
      const preload = `NODE_OPTIONS=--require=${resolve('test/kit/killed-at-link.cjs')}`;
      const within = ['env', preload, `KILLED_AT_LINK=${at}`, `KILLED_WHEN=${armed}`];
      const { up, again, push, untilShown, shown, srv } = await startGroup({ within });
      await untilShown(up, ['first', 'first', 'first']);
      const gone = new Promise((done) => up.process.child.once('exit', done));
      await stop(up);
      await gone;
      for (const name of NAMES) push(name, 'second');
      writeFileSync(armed, '');
      const killed = again();
      await new Promise((done) => killed.process.child.once('exit', done));
      expect(shown().filter((text) => text === 'second')).toHaveLength(at - 1);
      rmSync(armed);
      renameSync(srv, `${srv}.away`);
      const next = again();
      await untilShown(next, ['second', 'second', 'second']);
      renameSync(`${srv}.away`, srv);
      push('app', 'third');
      await untilShown(next, ['third', 'second', 'second']);
    },
  );
});
