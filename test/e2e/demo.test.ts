import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { until } from '../peers/wait.ts';

const LONGEST_MS = 50_000;

describe('git-sidecar demo', () => {
  test('shows a change that goes live and a mistake that does not, in one application and in a fleet, and leaves nothing', async () => {
    const home = tempDir();
    const demo = new Sidecar(['demo'], { HOME: home, TMPDIR: home }, { command: 'git-sidecar', cwd: home });
    const says = async (text: string): Promise<void> =>
      void (await until(
        () => `the demo says “${text}”; so far:\n${demo.stdout}\n${demo.stderr}`,
        () => demo.stdout.includes(text),
        LONGEST_MS,
      ));
    await says('the fleet: 4 instances run commit');
    await says('the visitor reads: Hello from the second commit');
    await says('the fleet: the canary was well, and all instances run it');
    await says('the fleet: canary-1 failed, the rollout stopped by itself, and nobody else got the commit');
    await says('the visitor reads: Hello again');
    await says('Your turn, from another terminal');
    expect(demo.stdout.match(/the canary was well/g)).toHaveLength(2);
    expect(demo.stdout).toMatch(/ and 0 failures so far/);
    const [, url = ''] = /fleet +(http:\S+)/.exec(demo.stdout) ?? [];
    const [, token = ''] = /token (\w+)/.exec(demo.stdout) ?? [];
    expect(await (await fetch(url)).text()).toContain('git-sidecar relay');
    const answer = await fetch(`${url}rollouts`, { headers: { authorization: `Bearer ${token}` } });
    expect(await answer.json()).toMatchObject({ rollouts: [{ status: 'complete', maySteer: true }] });
    const [, directory = ''] = /published +(\S+)\/sync\/current/.exec(demo.stdout) ?? [];
    expect(existsSync(directory)).toBe(true);
    expect((await demo.stop('SIGINT')).code).toBe(0);
    expect(existsSync(directory)).toBe(false);
    await until('the relay of the fleet is gone', async () =>
      fetch(url).then(
        () => false,
        () => true,
      ),
    );
  }, 200_000);
});
