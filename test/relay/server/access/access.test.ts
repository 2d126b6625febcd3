import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../../../src/model/error.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { parseRepositoryName, type RepositoryName } from '../../../../src/relay/protocol/repository-name.ts';
import { Access, parseAccessRules } from '../../../../src/relay/server/access/access.ts';
import { HandClock } from '../../../kit/hand-clock.ts';
import { silentLog } from '../../../kit/silent-log.ts';
import { tempDir } from '../../../kit/temp.ts';

describe('access', () => {
  const request = (authorization?: string): IncomingMessage =>
    ({ headers: authorization === undefined ? {} : { authorization }, socket: {} }) as never;
  const basic = (password: string): string => `Basic ${Buffer.from(`anybody:${password}`).toString('base64')}`;

  async function open(text: string): Promise<{ access: Access; path: string }> {
    const path = join(tempDir(), 'access');
    writeFileSync(path, text);
    const access = new Access(path, silentLog, systemClock);
    await access.open();
    return { access, path };
  }

  test('a token, as bearer or as git’s password, opens what its patterns name', async () => {
    const { access } = await open(
      '# who may read\nbearer tok-1 h.example/team/* # team\nbearer tok-2 h.example/**\nbearer tok-1 h.example/more/x\n',
    );
    const mayRead = (authorization: string, name: string) =>
      access.identify(request(authorization))?.mayRead(parseRepositoryName(name) as RepositoryName);
    expect(mayRead('Bearer tok-1', 'h.example/team/app')).toBe(true);
    expect(mayRead(basic('tok-1'), 'h.example/more/x')).toBe(true);
    expect(mayRead('Bearer tok-1', 'h.example/other/app')).toBe(false);
    expect(mayRead('Bearer tok-2', 'h.example/other/app')).toBe(true);
    for (const wrong of [undefined, 'Bearer tok-3', 'Bearer', basic('tok-11'), 'Basic !!!', 'Bearer certificate'])
      expect(access.identify(request(wrong))).toBeUndefined();
  });

  test('a pattern shows the refs behind its #; several together show what each of them does, and one without shows all', async () => {
    const { access } = await open(
      [
        'bearer one h/app#main,release/*',
        'bearer two h/app#main',
        'bearer two h/*#v*',
        'bearer all h/*',
        'bearer all h/app#x',
      ].join('\n'),
    );
    const shows = (token: string, ref: string, name = 'h/app') =>
      access
        .identify(request(`Bearer ${token}`))
        ?.viewOf(name as RepositoryName)
        .shows(ref);
    expect(shows('one', 'refs/heads/main')).toBe(true);
    expect(shows('one', 'refs/tags/release/1')).toBe(true);
    expect(shows('one', 'refs/heads/mainly')).toBe(false);
    expect(shows('one', 'refs/git-sidecar/former/x')).toBe(false);
    expect(shows('two', 'refs/tags/v1')).toBe(true);
    expect(shows('two', 'refs/heads/main')).toBe(true);
    expect(shows('two', 'refs/heads/main', 'h/other')).toBe(false);
    expect(shows('all', 'refs/heads/anything')).toBe(true);
    const idOf = (token: string, name = 'h/app') =>
      access.identify(request(`Bearer ${token}`))?.viewOf(name as RepositoryName).id;
    expect(idOf('one')).not.toBe(idOf('two'));
    expect(idOf('two', 'h/app')).not.toBe(idOf('two', 'h/other'));
  });

  test('gives orders only to those of a line with steer, and only about refs that it names', async () => {
    const { access } = await open(
      'bearer pod h.example/**\nsteer bearer boss h.example/app#main\nbearer boss h.example/**\n',
    );
    const maySteer = (token: string, name: string, ref: string) =>
      access.identify(request(`Bearer ${token}`))?.maySteer(parseRepositoryName(name) as RepositoryName, ref);
    expect(maySteer('boss', 'h.example/app', 'refs/heads/main')).toBe(true);
    expect(maySteer('boss', 'h.example/app', 'refs/heads/dev')).toBe(false);
    expect(maySteer('boss', 'h.example/other', 'refs/heads/main')).toBe(false);
    expect(maySteer('pod', 'h.example/app', 'refs/heads/main')).toBe(false);
  });

  test('lets a token be only the instances of its lines, those of a line without names be all', async () => {
    const { access } = await open(
      'bearer web h.example/** as web-* spare\nbearer web h.example/tools as ci\nbearer pod h.example/**\nbearer pod h.example/app as x\n',
    );
    const mayBe = (token: string, name: string, instance: string) =>
      access
        .identify(request(`Bearer ${token}`))
        ?.namesOf(name as RepositoryName)
        .allows(instance);
    expect(['web-1', 'spare', 'ci', 'canary-1', 'xweb-1'].map((name) => mayBe('web', 'h.example/app', name))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(mayBe('web', 'h.example/tools', 'ci')).toBe(true);
    expect(mayBe('pod', 'h.example/app', 'anything')).toBe(true);
  });

  test('a changed file counts soon; one that cannot be understood changes nothing', async () => {
    const { access, path } = await open('bearer tok-1 h.example/**\n');
    writeFileSync(path, 'nonsense here and there\n');
    await access.refresh();
    expect(access.identify(request('Bearer tok-1'))).toBeDefined();
    writeFileSync(path, 'bearer tok-2 h.example/**\n');
    await access.refresh();
    expect(access.identify(request('Bearer tok-1'))).toBeUndefined();
    expect(access.identify(request('Bearer tok-2'))).toBeDefined();
  });

  test('a line that is none is refused without showing what it holds', () => {
    for (const text of [
      'bearer s3cr3t',
      'steer bearer s3cr3t',
      'steer',
      's3cr3t h/**',
      'token s3cr3t h/**',
      'bearer s3cr3t h/** as',
      'bearer s3cr3t as web-*',
      'bearer s3cr3t h/**#',
      'bearer s3cr3t h/x#a:b',
    ]) {
      expect(() => parseAccessRules(text, '/f')).toThrow(SidecarError);
      expect(() => parseAccessRules(text, '/f')).not.toThrow('s3cr3t');
    }
  });

  test('a file that is not there is an error at the start', async () => {
    const directory = tempDir();
    mkdirSync(join(directory, 'd'));
    await expect(new Access(join(directory, 'none'), silentLog, systemClock).open()).rejects.toMatchObject({
      code: 'ERR_RELAY_ACCESS_FILE',
    });
    await expect(new Access(join(directory, 'd'), silentLog, systemClock).open()).rejects.toMatchObject({
      code: 'ERR_RELAY_ACCESS_FILE',
    });
  });

  test('who was let in is let in no more when its token is gone or its patterns name something else', async () => {
    const { access, path } = await open('bearer tok-1 h.example/**\nbearer tok-2 h.example/**\n');
    const name = parseRepositoryName('h.example/team/app') as RepositoryName;
    const [one, two] = ['Bearer tok-1', 'Bearer tok-2'].map((each) => access.identify(request(each)));
    expect(one?.renewed()?.mayRead(name)).toBe(true);
    writeFileSync(path, 'bearer tok-1 h.example/other/*\n');
    expect(await access.refresh()).toBe(true);
    expect(await access.refresh()).toBe(false);
    expect(one?.renewed()).toMatchObject({ id: one?.id });
    expect(one?.renewed()?.mayRead(name)).toBe(false);
    expect(two?.renewed()).toBeUndefined();
  });

  test('a certificate lets nobody in after its last day, neither a new request nor an open stream', async () => {
    const path = join(tempDir(), 'access');
    writeFileSync(path, 'certificate app.pods h.example/**\n');
    const clock = new HandClock();
    const access = new Access(path, silentLog, clock);
    await access.open();
    const valid_to = new Date(clock.now() + 3_600_000).toUTCString();
    const socket = Object.assign(Object.create(TLSSocket.prototype), {
      authorized: true,
      getPeerCertificate: () => ({ subject: { CN: 'x' }, subjectaltname: 'DNS:app.pods', valid_to }),
    });
    const asked = { headers: {}, socket } as IncomingMessage;
    const principal = access.identify(asked);
    expect(principal?.id).toMatch(/^certificate [0-9a-f]{64}$/);
    expect(principal?.renewed()?.id).toBe(principal?.id);
    await clock.advance(3_600_001);
    expect(principal?.renewed()).toBeUndefined();
    expect(access.identify(asked)).toBeUndefined();
  });

  test('a connection that showed a good token shows it again in each request, and another one is not it', async () => {
    const { access } = await open('bearer tok-1 h.example/**\n');
    const socket = {};
    const ask = (authorization?: string) =>
      access.identify({ headers: authorization === undefined ? {} : { authorization }, socket } as never);
    expect(ask('Bearer tok-1')).toBeDefined();
    expect(ask('Bearer tok-2')).toBeUndefined();
    expect(ask()).toBeUndefined();
    expect(ask('Bearer tok-1')).toBeDefined();
  });

  test('a connection loses its access with the next rules, and a principal of before says so', async () => {
    const { access, path } = await open('bearer tok-1 h.example/**\nbearer tok-2 h.example/**\n');
    const [one, two] = [{}, {}].map((socket) => ({ headers: { authorization: 'Bearer tok-1' }, socket }) as never);
    const before = access.identify(one as never);
    expect(access.identify(two as never)).toBe(before);
    writeFileSync(path, 'bearer tok-2 h.example/**\n');
    expect(await access.refresh()).toBe(true);
    expect(access.identify(one as never)).toBeUndefined();
    expect(before?.renewed()).toBeUndefined();
  });
});
