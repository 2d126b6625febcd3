import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { forgetfulFirewall } from '../kit/forgetful-firewall.ts';
import { script } from '../kit/script.ts';
import { published, sidecar, untilPublished } from '../kit/sidecar.ts';
import { sshd } from '../kit/sshd.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { sshUnavailable } from '../peers/sshd.ts';
import { delay } from '../peers/wait.ts';

const user = userInfo().username;

describe.skipIf(sshUnavailable())('over ssh', () => {
  test.each(['5', '9'])(
    '-v %s shows what ssh says, and does not hang on a submodule of another host',
    async (level) => {
      const dir = tempDir();
      const [one, two] = [await sshd(join(dir, 'one')), await sshd(join(dir, 'two'))];
      const inner = new Upstream(join(dir, 'inner'));
      inner.commit({ s: 'in the submodule' });
      const outer = new Upstream(join(dir, 'outer'));
      outer.commit({ a: 'one' });
      const there = `ssh://${user}@127.0.0.1:${two.port}${inner.bare}`;
      outer.write({ '.gitmodules': `[submodule "sub"]\n\tpath = sub\n\turl = ${there}\n` });
      outer.git('update-index', '--add', '--cacheinfo', `160000,${inner.head()},sub`);
      outer.git('add', '.gitmodules');
      outer.git('commit', '-q', '-m', 'a submodule');
      outer.push();
      const root = join(dir, 'root');
      const before = Date.now();
      const process = sidecar([
        `--repo=ssh://${user}@127.0.0.1:${one.port}${outer.bare}`,
        `--root=${root}`,
        '--link=link',
        '--period=1s',
        `--ssh-key-file=${one.keyFile}`,
        `--ssh-key-file=${two.keyFile}`,
        '--ssh-known-hosts=false',
        `-v=${level}`,
      ]);
      await untilPublished(join(root, 'link'), outer.head(), process);
      // A shared connection that keeps the standard error of its first command lasts 30 s and more.
      expect(Date.now() - before).toBeLessThan(25_000);
      await process.stop();
    },
  );

  test('a shared connection that a firewall forgot is replaced, and nothing has failed', async () => {
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const first = upstream.commit({ a: 'one' });
    const server = await sshd(join(dir, 'ssh'));
    const firewall = await forgetfulFirewall(server.port);
    const root = join(dir, 'root');
    const process = sidecar([
      `--repo=ssh://${user}@127.0.0.1:${firewall.port}${upstream.bare}`,
      `--root=${root}`,
      '--link=link',
      '--period=500ms',
      `--ssh-key-file=${server.keyFile}`,
      '--ssh-known-hosts=false',
    ]);
    const link = join(root, 'link');
    await untilPublished(link, first, process);
    await delay(1000);
    expect(firewall.opened).toBe(1);
    firewall.forget();
    const second = upstream.commit({ a: 'two' });
    const before = Date.now();
    while (published(link) !== second && Date.now() - before < 45_000) await delay(50);
    expect(published(link), process.stderr.slice(-2000)).toBe(second);
    expect(process.count('sync failed')).toBe(0);
    await process.stop();
  });

  test('a user’s ssh command that is -v itself shares nothing and works', async () => {
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const first = upstream.commit({ a: 'one' });
    const server = await sshd(join(dir, 'ssh'));
    const root = join(dir, 'root');
    const ssh = script(join(dir, 'my-ssh'), 'exec ssh "$@"');
    const process = sidecar(
      [
        `--repo=ssh://${user}@127.0.0.1:${server.port}${upstream.bare}`,
        `--root=${root}`,
        '--link=link',
        '--period=200ms',
        `--ssh-key-file=${server.keyFile}`,
        '--ssh-known-hosts=false',
      ],
      { GIT_SSH_COMMAND: `${ssh} -v` },
    );
    await untilPublished(join(root, 'link'), first, process);
    await untilPublished(join(root, 'link'), upstream.commit({ a: 'two' }), process);
    expect(server.log().match(/Accepted publickey/g)?.length).toBeGreaterThan(1);
    await process.stop();
  });
});
