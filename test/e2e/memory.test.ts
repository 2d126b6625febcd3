import { randomFillSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { memoryGroup } from '../kit/memory-group.ts';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { published, Sidecar, sidecar } from '../kit/sidecar.ts';
import { git } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

const LONG_MS = 240_000;

describe('a container with little memory', () => {
  test(
    'of 32 MiB gets a file of 50 MB, over one connection and with git fetch',
    async ({ skip }) => {
      for (const more of [[], ['--depth=2']]) {
        const it = fixture();
        const group = memoryGroup(32);
        if (!group) return skip();
        for (const place of [it.upstream.bare, it.upstream.work]) git(place, 'config', 'core.compression', '0');
        writeFileSync(join(it.upstream.work, 'large'), randomFillSync(Buffer.alloc(50_000_000)));
        const oid = it.upstream.commit({ a: 'two' });
        const url = `${await httpGit(it.dir)}/repo.git`;
        const args = [`--repo=${url}`, `--root=${it.root}`, '--link=link', '--period=1s', '--max-failures=-1'];
        const process = sidecar([...args, ...more]);
        group.add(process.child.pid);
        await until(
          () => `it is published\n${process.stderr}`,
          () => published(it.link) === oid || process.child.exitCode !== null || process.child.signalCode !== null,
          LONG_MS,
        );
        expect([process.child.signalCode, published(it.link)]).toEqual([null, oid]);
        await process.stop();
      }
    },
    2 * LONG_MS,
  );

  test(
    'of 18 MiB says that it is too small before anything is ended, and how much is needed',
    async ({ skip }) => {
      const it = fixture();
      const group = memoryGroup(18);
      if (!group) return skip();
      const process = new Sidecar([...it.args, '--period=1s', '--max-failures=-1'], {}, { within: group.prefix });
      const line = await process.logged('the memory limit is too small', LONG_MS);
      expect(line).toMatchObject({ severity: 'warning', limit_mib: 18, needed_mib: 26 });
      expect(line.hint).toContain('resources.limits.memory');
      await process.stop();
    },
    LONG_MS,
  );

  test(
    'loses the git process that takes too much, not the sync, which goes on with settings that need less',
    async ({ skip }) => {
      const it = fixture();
      const group = memoryGroup(300);
      if (!group) return skip();
      // The first fetch takes all the memory that there is.
      const eaten = join(it.dir, 'eaten');
      const greedy = script(
        join(it.dir, 'greedy-git'),
        `case " $* " in *" fetch "*) [ -e ${eaten} ] || { : > ${eaten}; head -c 900m /dev/zero | tail -c 900m; exit; } ;; esac`,
        'exec git "$@"',
      );
      const process = sidecar([...it.args, '--period=1s', '--max-failures=0', `--git=${greedy}`]);
      group.add(process.child.pid);
      await until(
        () => `it is published\n${process.stderr}`,
        () => published(it.link) === it.first || process.child.signalCode !== null,
        LONG_MS,
      );
      expect(process.child.signalCode).toBeNull();
      expect(group.kills).toBeGreaterThan(0);
      const said = 'git ran out of memory within the limit of 300 MiB (the kernel killed it)';
      await until('it is said', () => process.stderr.includes(said));
    },
    LONG_MS + 10_000,
  );
});
