import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildRelayConfig } from '../../../../src/config/build-relay-config.ts';
import { load } from '../../../../src/config/load.ts';
import { createGit } from '../../../../src/git/git.ts';
import { type Oid, parseOid } from '../../../../src/model/oid.ts';
import type { AdvertisedRef } from '../../../../src/model/ref.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { createProcessRunner } from '../../../../src/platform/process/runner.ts';
import { withFormer } from '../../../../src/relay/server/mirror/former-refs.ts';
import { TipGate } from '../../../../src/relay/server/mirror/tip-gate.ts';
import { KeyFiles } from '../../../../src/verify/key-files.ts';
import { SshSigner, signHead } from '../../../kit/signing.ts';
import { silentLog } from '../../../kit/silent-log.ts';
import { tempDir } from '../../../kit/temp.ts';
import { GIT_ENV, Upstream } from '../../../kit/upstream.ts';
import { missing } from '../../../peers/programs.ts';

const signal = new AbortController().signal;
const asOid = (text: string): Oid => parseOid(text) as Oid;
const ref = (name: string, oid: string, more: Partial<AdvertisedRef> = {}): AdvertisedRef => ({
  name,
  oid: asOid(oid),
  ...more,
});
const refsOf = (...refs: AdvertisedRef[]): Map<string, AdvertisedRef> => new Map(refs.map((each) => [each.name, each]));
const shown = (refs: ReadonlyMap<string, AdvertisedRef>): string[] =>
  [...refs].map(([name, { oid }]) => `${name} ${oid}`);

function setUp() {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const alice = new SshSigner(dir, 'alice');
  const keys = join(dir, 'signers');
  writeFileSync(keys, `alice ${alice.publicKey}\n`);
  const runner = createProcessRunner();
  const words = ['--root=/r', '--http-bind=:1', '--allow=https://h/*', '--verify=commit', `--verify-keys=${keys}`];
  const policy = buildRelayConfig(load('relay', words, {}).settings, {}).verify;
  if (!policy) throw new Error('there is no policy');
  const answers: (string | undefined)[] = [];
  const gate = new TipGate({
    policy,
    keys: new KeyFiles(policy.keys),
    git: createGit({ program: 'git', runner, log: silentLog, environment: () => GIT_ENV, cwd: dir }),
    gitDir: upstream.bare,
    repository: 'h/repo',
    home: { runner, directory: dir, environment: { PATH: process.env.PATH ?? '' } },
    clock: systemClock,
    log: silentLog,
    onAnswer: (code) => answers.push(code),
  });
  const bad = (): string => upstream.commit({ a: `${Math.random()}` });
  const good = (): string => {
    bad();
    return signHead(upstream, (payload) => alice.sign(payload));
  };
  return { upstream, gate, answers, good, bad, keys, alice };
}

describe.skipIf(missing('ssh-keygen'))('which tips a relay shows', () => {
  test('does not believe the server what a tag leads to', async () => {
    const { upstream, gate, good, bad } = setUp();
    const signed = good();
    const unsigned = bad();
    upstream.git('tag', '-a', '-m', 'of the unsigned commit', 'v1');
    upstream.push('v1');
    const tag = upstream.git('rev-parse', 'v1');
    const lie = refsOf(ref('refs/tags/v1', tag, { peeledOid: asOid(signed) }));
    expect(shown(await gate.admit(lie, new Map(), signal))).toEqual([]);
    expect(gate.refused.get('refs/tags/v1')?.error.message).toContain(`the tag does not lead to ${signed}`);
    const truth = refsOf(ref('refs/tags/v1', tag, { peeledOid: asOid(unsigned) }));
    expect(shown(await gate.admit(truth, new Map(), signal))).toEqual([]);
    expect(gate.refused.get('refs/tags/v1')?.error.code).toBe('ERR_VERIFY_UNSIGNED');
  });

  test('a ref to what is no commit is refused, and disturbs no other', async () => {
    const { upstream, gate, good } = setUp();
    const signed = good();
    const blob = upstream.git('rev-parse', 'HEAD:a');
    const all = refsOf(ref('refs/heads/main', signed), ref('refs/tags/blob', blob));
    expect(shown(await gate.admit(all, new Map(), signal))).toEqual([`refs/heads/main ${signed}`]);
  });

  test('looks at nothing twice, until the keys change', async () => {
    const { gate, answers, good, bad, keys } = setUp();
    const [signed, unsigned] = [good(), bad()];
    const before = await gate.admit(refsOf(ref('refs/heads/main', signed)), new Map(), signal);
    const wanted = refsOf(ref('refs/heads/main', unsigned));
    expect(shown(await gate.admit(wanted, before, signal))).toEqual([`refs/heads/main ${signed}`]);
    expect(answers).toEqual([undefined, 'ERR_VERIFY_UNSIGNED']);
    expect(shown(await gate.withoutRefused(wanted, before))).toEqual([`refs/heads/main ${signed}`]);
    writeFileSync(keys, `# other keys\nbob ${new SshSigner(tempDir(), 'bob').publicKey}\n`);
    // What is shown stays; what was refused has to be judged anew.
    expect(shown(await gate.withoutRefused(wanted, before))).toEqual([`refs/heads/main ${unsigned}`]);
    expect(shown(await gate.admit(wanted, before, signal))).toEqual([`refs/heads/main ${signed}`]);
    expect(answers).toHaveLength(3);
  });
});

describe('refs that stay where they were', () => {
  const [one, two] = ['1'.repeat(40), '2'.repeat(40)] as [string, string];
  const main = 'refs/heads/main';
  const other = ref('refs/heads/other', one);

  test('take HEAD with them, whether it names a branch or a commit', () => {
    const before = refsOf(ref('HEAD', one, { symref: main }), ref(main, one), other);
    const named = refsOf(ref('HEAD', two, { symref: main }), ref(main, two), other);
    expect(shown(withFormer(named, before, new Set([main])))).toEqual([
      `HEAD ${one}`,
      `${main} ${one}`,
      `${other.name} ${one}`,
    ]);
    expect(shown(withFormer(named, new Map(), new Set([main])))).toEqual([`${other.name} ${one}`]);
    const detached = refsOf(ref('HEAD', two), ref(main, two), other);
    expect(shown(withFormer(detached, before, new Set([main])))).toEqual([`${main} ${one}`, `${other.name} ${one}`]);
    expect(withFormer(named, before, new Set())).toBe(named);
  });
});
