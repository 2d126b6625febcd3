import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { OpenpgpSigner, SshSigner, signedTag, signHead, TestAuthority } from '../kit/signing.ts';
import { Upstream } from '../kit/upstream.ts';
import { findProgram, missing } from '../peers/programs.ts';
import { diagnose, place } from './kit.ts';

async function setUp() {
  const at = place();
  const upstream = new Upstream(join(at.dir, 'srv'));
  const alice = new SshSigner(at.dir, 'alice');
  const url = await httpGit(join(at.dir, 'srv'));
  mkdirSync(at.root);
  const temporary = join(at.dir, 'tmp');
  mkdirSync(temporary);
  const args = [`--repo=${url}/repo.git`, `--root=${at.root}`, '--ref=main', '--verify=commit'];
  const good = (): string => {
    upstream.commit({ a: 'good' });
    return signHead(upstream, (payload) => alice.sign(payload));
  };
  return { ...at, upstream, alice, url, temporary, args, good };
}

describe.skipIf(missing('ssh-keygen'))('doctor with --verify', () => {
  test('says which programs and keys there are, and that the commit would be accepted; leaves nothing behind', async () => {
    const it = await setUp();
    const oid = it.good();
    const keys = it.file(
      'signers',
      `# ours\nalice ${it.alice.publicKey}\nold valid-before="20200101" ${it.alice.publicKey}\n`,
    );
    const { lines, status, stdout } = await diagnose([...it.args, `--verify-keys=${keys}`], { TMPDIR: it.temporary });
    expect(status, stdout).toBe(0);
    expect(lines.find((line) => line.startsWith('✓ signature program'))).toMatch(/ssh-keygen: OpenSSH_\S+/);
    expect(lines).toContain(`✓ signature keys ${keys}: 2 ssh signers (1 not valid today)`);
    const at = `refs/heads/main at ${oid.slice(0, 12)}`;
    expect(lines.find((line) => line.startsWith('✓ signature main'))).toContain(
      `${at} would be accepted: ssh key of alice`,
    );
    expect(readdirSync(it.temporary)).toEqual([]);
    expect(readdirSync(it.root)).toEqual([]);
  });

  test('says why the commit would be refused', async () => {
    const it = await setUp();
    const oid = it.upstream.commit({ a: 'unsigned' });
    const keys = it.file('signers', `alice ${it.alice.publicKey}\n`);
    const { lines, status } = await diagnose([...it.args, `--verify-keys=${keys}`]);
    expect(status).toBe(1);
    expect(lines.find((line) => line.startsWith('✗ signature main'))).toContain(
      `refs/heads/main at ${oid.slice(0, 12)} would be refused: it has no signature (ERR_VERIFY_UNSIGNED) → Sign it`,
    );
    const { lines: since } = await diagnose([...it.args, `--verify-keys=${keys}`, `--verify-since=${oid}`]);
    expect(since.find((line) => line.startsWith('✓ signature main'))).toContain('needs no signature');
  });

  test('says that no key is valid, that there are none, and that a program is missing', async () => {
    const it = await setUp();
    it.good();
    const old = it.file('old', `alice valid-before="20200101" ${it.alice.publicKey}\n`);
    const expired = await diagnose([...it.args, `--verify-keys=${old}`]);
    expect(expired.lines).toContain(
      `✗ signature keys ${old}: no key is valid today: 1 ssh signers (1 not valid today) → put keys into \`--verify-keys\` that are valid`,
    );
    expect(expired.lines).toContain('– signature main: not tried, because signature keys failed');
    const none = await diagnose([...it.args, '--verify-keys=/no/keys']);
    expect(none.lines.find((line) => line.startsWith('✗ signature keys'))).toContain('/no/keys');
    const programs = join(it.dir, 'bin');
    mkdirSync(programs);
    for (const name of ['git', 'sh', 'node', 'env'])
      symlinkSync(findProgram(name) ?? process.execPath, join(programs, name));
    const keys = it.file('signers', `alice ${it.alice.publicKey}\n`);
    const without = await diagnose([...it.args, `--verify-keys=${keys}`], { PATH: programs });
    expect(without.lines.find((line) => line.startsWith('✗ signature program'))).toContain(
      'ssh-keygen: it is in no directory of PATH → install it',
    );
  });

  test('of a relay, looks at programs and keys', async () => {
    const it = await setUp();
    it.good();
    const keys = it.file('signers', `alice ${it.alice.publicKey}\n`);
    const words = ['relay', `--root=${it.root}`, '--http-bind=127.0.0.1:0', `--follow=${it.url}/repo.git`];
    const { lines } = await diagnose([...words, '--verify=commit', `--verify-keys=${keys}`]);
    expect(lines).toContain(`✓ signature keys ${keys}: 1 ssh signers`);
  });
});

describe.skipIf(missing('gpg', 'gpgsm', 'gpgconf', 'openssl'))('doctor with OpenPGP keys and certificates', () => {
  test('counts them, says which are of no use, and looks at the tag', async () => {
    const it = await setUp();
    it.upstream.commit({ a: 'one' });
    const pgp = new OpenpgpSigner(it.dir, 'pgp');
    const old = new OpenpgpSigner(it.dir, 'old', { at: '20200101T000000', expire: '1y' });
    const revoked = new OpenpgpSigner(it.dir, 'revoked');
    const keys = join(it.dir, 'keys');
    mkdirSync(keys);
    writeFileSync(join(keys, 'pgp'), pgp.publicKey);
    writeFileSync(join(keys, 'old'), old.publicKey);
    writeFileSync(join(keys, 'revoked'), revoked.revokedKey);
    writeFileSync(join(keys, 'ca'), new TestAuthority(it.dir, 'root').certificate);
    signedTag(it.upstream, 'v1.0.0', pgp);
    const args = it.args.filter((arg) => !/^--(?:ref|verify)=/.test(arg));
    const words = [...args, '--ref-semver=*', '--verify=tag', `--verify-keys=${keys}`];
    const { lines, status, stdout } = await diagnose(words);
    expect(status, stdout).toBe(0);
    expect(lines).toContain(
      `✓ signature keys ${keys}: 3 OpenPGP keys (1 not valid today, 1 revoked), 1 CA certificates`,
    );
    expect(lines.filter((line) => line.startsWith('✓ signature program')).map((line) => line.split(' ')[3])).toEqual([
      'gpg:',
      'gpgsm:',
      'gpg-agent:',
    ]);
    const tag = lines.find((line) => line.startsWith('✓ signature semver'));
    expect(tag).toContain(`refs/tags/v1.0.0 at ${it.upstream.head().slice(0, 12)} would be accepted: OpenPGP key`);
  });
});
