import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nginx } from '../kit/nginx.ts';
import { Container, IMAGE, runContainer, volume } from '../kit/podman.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { freePort } from '../peers/ports.ts';
import { until } from '../peers/wait.ts';

test('the image as a relay and as its subscribers: any user, nothing writable but the volumes, credentials at the relay only', async () => {
  const dir = tempDir();
  const upstream = new Upstream(join(dir, 'srv'));
  const first = upstream.commit({ a: 'one' });
  const server = await nginx(join(dir, 'nginx'), { projectRoot: join(dir, 'srv'), users: { jylee: 'mypassword' } });
  const port = await freePort();
  const secured = ['--user=1234567:0', '--read-only', '--tmpfs=/tmp:mode=1777', '--cap-drop=ALL'];
  const [mirrors, git] = [volume(), volume()];
  const relay = new Container(
    [
      ...secured,
      '-v',
      `${mirrors}:/relay`,
      '-e',
      'GITSYNC_USERNAME=jylee',
      '-e',
      'GITSYNC_PASSWORD=mypassword',
      '--entrypoint=/git-sidecar',
    ],
    IMAGE,
    'relay',
    '--root=/relay',
    `--http-bind=127.0.0.1:${port}`,
    '--period=100ms',
    `--allow=${server.url}/*`,
    `--follow=${server.url}/repo.git`,
  );
  await until('the relay is ready', async () => {
    return (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.status === 200;
  });
  const sync = new Container(
    [...secured, '-v', `${git}:/git`],
    IMAGE,
    ...[`--repo=${server.url}/repo.git`, '--link=current', '--period=1h', `--relay=http://127.0.0.1:${port}`],
  );
  const shows = (): string =>
    runContainer(['-v', `${git}:/git`, '--entrypoint=/bin/cat'], IMAGE, '/git/current/a').stdout;
  await until(
    () => `it is published\n${sync.logs()}`,
    () => sync.logs().includes(first),
    40_000,
  );
  expect(shows()).toBe('one');
  const second = upstream.commit({ a: 'two' });
  await until(
    () => `the push is published\n${sync.logs()}`,
    () => sync.logs().includes(second),
    40_000,
  );
  expect(shows()).toBe('two');
  expect(relay.logs() + sync.logs()).not.toContain('mypassword');
  expect(relay.stop()).toBe(143);
});
