import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createGit } from '../../src/git/git.ts';
import { parseOid } from '../../src/model/oid.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { VerifyMemory } from '../../src/verify/memory.ts';
import { NOTHING_SHOWN, NoWayBack } from '../../src/verify/no-way-back.ts';
import { TagObjects } from '../../src/verify/signed-tag.ts';
import { Verification } from '../../src/verify/verification.ts';
import { HandClock } from '../kit/hand-clock.ts';
import { SshSigner, signHead } from '../kit/signing.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, Upstream } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';

/** What decides about a repository of one signed commit, on a clock that begins a quarter of an hour after 1970. */
function setUp(signer: (publicKey: string) => string) {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const alice = new SshSigner(dir, 'alice');
  upstream.commit({ a: 'one' });
  const oid = parseOid(signHead(upstream, (payload) => alice.sign(payload)));
  if (!oid) throw new Error('no commit');
  const keys = join(dir, 'signers');
  writeFileSync(keys, signer(alice.publicKey));
  const runner = createProcessRunner();
  const git = createGit({ program: 'git', runner, log: silentLog, environment: () => GIT_ENV, cwd: '/' });
  const policy = {
    ...{ commit: true, tag: false, keys: [keys], signers: [], since: undefined, range: false, submodules: false },
    ...{ fastForwardOnly: false, allowRewind: undefined },
  };
  const [gitDir, clock] = [upstream.bare, new HandClock()];
  const history = { lineage: () => Promise.reject(new Error('nobody asks for history')) };
  const answers: (string | undefined)[] = [];
  const verification = new Verification({
    ...{ policy, git, gitDir, clock, log: silentLog },
    home: { runner, directory: dir, environment: { PATH: process.env.PATH ?? '' } },
    noWayBack: new NoWayBack({ policy, gitDir, history, memory: new VerifyMemory(dir, 'main'), boot: 'one' }),
    tags: new TagObjects({ git, gitDir, url: () => gitDir, onFetch: () => undefined }),
    onAnswer: (code) => void answers.push(code),
  });
  const require = async (): Promise<unknown> => {
    const revision = { ref: 'refs/heads/main', oid };
    const signal = AbortSignal.timeout(60_000);
    return await verification.require(revision, NOTHING_SHOWN, signal).then(
      () => 'good',
      (error: unknown) => error,
    );
  };
  return { answers, clock, require };
}

const MINUTE = 60_000;

describe.skipIf(missing('ssh-keygen'))('a revision that is refused', () => {
  test('because of the time of the day is looked at again after five minutes', async () => {
    const { answers, clock, require } = setUp((key) => `alice valid-after="197001010020" ${key}\n`);
    const error = await require();
    expect(error).toMatchObject({ code: 'ERR_VERIFY_KEY_EXPIRED' });
    // From now on it is valid, and nobody looks.
    await clock.advance(4 * MINUTE);
    expect(await require()).toBe(error);
    expect(answers).toEqual(['ERR_VERIFY_KEY_EXPIRED']);
    await clock.advance(1 * MINUTE);
    expect(await require()).toBe('good');
  });

  test('and is refused for the same reason five minutes later, is no news', async () => {
    const { answers, clock, require } = setUp((key) => `alice valid-before="19700101" ${key}\n`);
    const error = await require();
    await clock.advance(5 * MINUTE);
    expect(await require()).toBe(error);
    expect(answers).toEqual(['ERR_VERIFY_KEY_EXPIRED', 'ERR_VERIFY_KEY_EXPIRED']);
    await clock.advance(1 * MINUTE);
    expect(await require()).toBe(error);
    expect(answers).toHaveLength(2);
  });

  test('for any other reason is not looked at again', async () => {
    const { answers, clock, require } = setUp((key) => `alice namespaces="file" ${key}\n`);
    const error = await require();
    expect(error).toMatchObject({ code: 'ERR_VERIFY_NOT_ALLOWED' });
    await clock.advance(24 * 60 * MINUTE);
    expect(await require()).toBe(error);
    expect(answers).toHaveLength(1);
  });
});
