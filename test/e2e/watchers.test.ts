import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { inotifywait } from '../kit/inotify.ts';
import { sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

describe.skipIf(missing('inotifywait'))('watchers of what a link shows (docs/contract.md)', () => {
  test('one below the link sees nothing of a new revision; one on the directory of the link sees each', async () => {
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const first = upstream.commit({ 'd/a': '1' });
    const root = join(dir, 'root');
    const link = join(root, 'link');
    // The old tree stays, so that nothing of its end is among the events.
    const process = sidecar([
      ...[`--repo=${await httpGit(dir)}/repo.git`, `--root=${root}`, '--link=link', '--period=50ms'],
      '--stale-worktree-timeout=1h',
    ]);
    await untilPublished(link, first, process);
    const onFile = await inotifywait(['--format=%e'], join(link, 'd/a'));
    const onDirectory = await inotifywait(['-r', '--format=%e %f'], `${link}/`);
    const onLink = await inotifywait(['--format=%e %f'], root);
    for (const text of ['2', '3']) await untilPublished(link, upstream.commit({ 'd/a': text }), process);
    await until('both were seen', () => onLink.filter((line) => line === 'MOVED_TO link').length === 2);
    const isNews = (line: string): boolean => /CREATE|MODIFY|CLOSE_WRITE|MOVED|DELETE/.test(line);
    expect(onFile.filter(isNews)).toEqual([]);
    expect(onDirectory.filter(isNews)).toEqual([]);
  });
});
