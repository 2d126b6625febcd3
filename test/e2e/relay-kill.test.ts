import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process, { env } from 'node:process';
import { describe, expect, test } from 'vitest';
import { OWNER_VARIABLE } from '../../src/platform/orphans.ts';
import { httpGit } from '../kit/http-git.ts';
import { generator } from '../kit/random.ts';
import { type RunningRelay, startRelay } from '../kit/relay.ts';
import { sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { treeOf } from '../kit/tree-check.ts';
import { Upstream } from '../kit/upstream.ts';
import { freePort } from '../peers/ports.ts';
import { delay } from '../peers/wait.ts';

/**
 * A git that kills the relay when `die` names its command: before the command does anything, or after it has done all.
 * What it says is used once. The relay is the owner that its processes are marked with.
 */
function deadlyGit(dir: string): { readonly program: string; readonly die: string } {
  const [program, die] = [join(dir, 'deadly-git'), join(dir, 'die')];
  writeFileSync(
    program,
    `#!/bin/sh
at= when=
[ -e ${die} ] && read -r at when < ${die}
case " $* " in *" $at "*) ;; *) at= ;; esac
[ -z "$at" ] || rm -f ${die}
[ -n "$at" ] && [ "$when" = before ] && kill -KILL "\${${OWNER_VARIABLE}%%:*}" && exit 1
git "$@"
status=$?
[ -n "$at" ] && [ "$when" = after ] && kill -KILL "\${${OWNER_VARIABLE}%%:*}"
exit $status
`,
  );
  chmodSync(program, 0o755);
  return { program, die };
}

async function setUp() {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  upstream.commit({ a: 'one', 'd/b': 'two' });
  const url = await httpGit(dir);
  const port = await freePort();
  const { program, die } = deadlyGit(dir);
  const root = join(dir, 'relay');
  const start = async (): Promise<RunningRelay> =>
    await startRelay({ dir, port, root, args: [`--allow=${url}/*`, `--follow=${url}/repo.git`, `--git=${program}`] });
  const args = [`--repo=${url}/repo.git`, '--link=link', `--relay=http://127.0.0.1:${port}`, '--period=200ms'];
  const follower = sidecar([...args, `--root=${join(dir, 'sub')}`, '--max-failures=-1']);
  const link = join(dir, 'sub', 'link');
  return { dir, root, upstream, die, start, follower, link };
}

const instantsOf = (...commands: string[]): (readonly [string, string])[] =>
  commands.flatMap((command) => [[command, 'before'] as const, [command, 'after'] as const]);

describe('a relay that is killed at each of its git commands', () => {
  test('of the first copy, or of its start: the next one mirrors, and everybody gets the commit', async () => {
    const { root, upstream, die, start, follower, link } = await setUp();
    for (const [command, when] of instantsOf('init', 'unpack-objects', 'rev-list', 'update-ref', 'symbolic-ref')) {
      rmSync(root, { recursive: true, force: true });
      const oid = upstream.commit({ a: `${command} ${when}` });
      writeFileSync(die, `${command} ${when}\n`);
      // It may be killed before it serves anything.
      const killed = await start().catch(() => undefined);
      await killed?.process.exited;
      expect(existsSync(die), `${command} ${when}`).toBe(false);
      const next = await start();
      await untilPublished(link, oid, follower);
      await next.process.stop();
    }
  }, 300_000);

  test('of an update, or while it answers: the next one passes the commit on', async () => {
    const { upstream, die, start, follower, link } = await setUp();
    let relay = await start();
    await untilPublished(link, upstream.head(), follower);
    for (const [command, when] of instantsOf('unpack-objects', 'rev-list', 'update-ref', 'upload-pack', 'index-pack')) {
      const large = Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`f${n}`, `${command} ${when} ${n}`]));
      writeFileSync(die, `${command} ${when}\n`);
      const oid = upstream.commit(command === 'index-pack' ? large : { a: `${command} ${when}` });
      await relay.process.exited;
      relay = await start();
      await untilPublished(link, oid, follower);
      expect(treeOf(link)).toEqual(treeOf(upstream.work));
    }
  }, 300_000);
});

/** The relay and all that it started, in one instant. */
async function killAll(relay: RunningRelay, root: string): Promise<void> {
  const children = readdirSync('/proc').filter((entry) => {
    try {
      if (!/^\d+$/.test(entry)) return false;
      const mark = readFileSync(`/proc/${entry}/environ`, 'utf8').split('\0');
      return mark.some((line) => line.startsWith(`${OWNER_VARIABLE}=`) && line.endsWith(`:${root}`));
    } catch {
      return false;
    }
  });
  relay.process.kill('SIGKILL');
  for (const child of children) {
    try {
      process.kill(Number(child), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  await relay.process.exited;
}

test(
  'a relay that is killed at random instants with its git children leaves nobody behind',
  async () => {
    const { root, upstream, start, follower, link } = await setUp();
    const seed = Number(env.KILL_SEED ?? Math.floor(Math.random() * 1e6));
    const rounds = Number(env.KILL_ROUNDS ?? 6);
    process.stderr.write(`relay kill test: seed ${seed} (KILL_SEED), ${rounds} rounds (KILL_ROUNDS)\n`);
    const random = generator(seed);
    let relay = await start();
    await untilPublished(link, upstream.head(), follower);
    for (let round = 0; round < rounds; round += 1) {
      const files = Object.fromEntries(
        Array.from({ length: round % 2 ? 1 : 120 }, (_, n) => [`f${n}`, `${round} ${n}`]),
      );
      const oid = upstream.commit({ ...files, a: `round ${round}` });
      if (round % 3 === 0) upstream.push(`HEAD:refs/heads/x/${round}`);
      await delay(random() * 300);
      await killAll(relay, root);
      relay = await start();
      await untilPublished(link, oid, follower);
      expect(treeOf(link)).toEqual(treeOf(upstream.work));
    }
  },
  300_000 + 20_000 * Number(env.KILL_ROUNDS ?? 0),
);
