import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cpuGroup } from '../kit/cpu-group.ts';
import { httpGit } from '../kit/http-git.ts';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { published, Sidecar } from '../kit/sidecar.ts';
import { freePort } from '../peers/ports.ts';
import { delay, until } from '../peers/wait.ts';

/** What one large platform gives to git-sync. */
const MILLICORES = 20;
/** Most of it is over after half a minute, where nobody else needs the machine. */
const LONG_MS = 180_000;
/** As often as a kubelet asks at most. Each answer takes processor time too. */
const PROBE_EVERY_MS = 1000;

describe(`a container with ${MILLICORES}m of CPU`, () => {
  test(
    'starts, becomes ready, polls and updates; probes and signals are answered, and nothing is late',
    async ({ skip }) => {
      const group = cpuGroup(MILLICORES);
      if (!group) return skip();
      const it = fixture();
      const port = await freePort();
      const url = `${await httpGit(it.dir)}/repo.git`;
      const args = [`--repo=${url}`, `--root=${it.root}`, '--link=link', '--period=2s', '--max-failures=-1'];
      const more = [`--http-bind=127.0.0.1:${port}`, '--sync-on-signal=HUP', '-v=4'];
      const process = new Sidecar([...args, ...more], {}, { within: group.prefix });
      const isOk = async (path: string): Promise<boolean> => {
        const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
        await delay(PROBE_EVERY_MS);
        return answer?.status === 200;
      };
      await until(
        () => `it is ready\n${process.stderr}`,
        async () => await isOk('/readyz'),
        LONG_MS,
      );
      expect(published(it.link)).toBe(it.first);
      const cycles = (): number => process.count('next sync');
      const polled = async (times: number): Promise<void> => {
        const first = cycles();
        await until(
          () => `it polls\n${process.stderr}`,
          async () => (await isOk('/healthz')) && cycles() >= first + times,
          LONG_MS,
        );
      };
      await polled(2);
      const second = it.upstream.commit({ a: 'two' });
      process.kill('SIGHUP');
      await until(
        () => `the update is published\n${process.stderr}`,
        async () => (await isOk('/healthz')) && published(it.link) === second,
        LONG_MS,
      );
      await polled(2);
      expect(process.logs.filter(({ code, severity }) => code !== undefined || severity === 'warning')).toEqual([]);
      expect((await process.stop()).code).toBe(143);
    },
    LONG_MS,
  );

  test(
    'says that its limit is the reason when something does not end in time, and which setting helps',
    async ({ skip }) => {
      const group = cpuGroup(MILLICORES);
      if (!group) return skip();
      const it = fixture();
      const hook = script(join(it.dir, 'busy'), 'while :; do :; done');
      const args = [...it.args, '--max-failures=-1', `--exechook-command=${hook}`, '--exechook-timeout=1s'];
      const process = new Sidecar(args, {}, { within: group.prefix });
      const { hint } = await process.logged('ERR_NOTIFY_EXECHOOK', LONG_MS);
      expect(hint).toMatch(
        /^The CPU limit of 20m held this container back for \d+(?:\.\d)? of the last \d+(?:\.\d)? s: raise it \(resources\.limits\.cpu\), or `--exechook-timeout`\. /,
      );
      await process.stop();
    },
    LONG_MS,
  );
});
