import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { findMarked } from '../../src/platform/marked-processes.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { SignatureCheck } from '../../src/verify/check-signature.ts';
import { Home } from '../../src/verify/home.ts';
import { KeyFiles } from '../../src/verify/key-files.ts';
import { OpenpgpSigner, SshSigner, TestAuthority } from '../kit/signing.ts';
import { tempDir } from '../kit/temp.ts';
import { missing } from '../peers/programs.ts';

const PAYLOAD = Buffer.from('tree 0\n\nmessage\n');

/** What a check with these keys says: the signer, or the code. */
async function ask(
  keys: readonly (string | Buffer)[],
  signature: string,
  payload = PAYLOAD,
  directory = tempDir(),
): Promise<string> {
  const paths = keys.map((content, index) => {
    const path = join(directory, `${index}.keys`);
    writeFileSync(path, content);
    return path;
  });
  const ring = await new KeyFiles(paths).read();
  const mark = `${process.pid}:${directory}`;
  const environment = { PATH: process.env.PATH ?? '', GIT_SIDECAR_OWNER: mark };
  const options = { runner: createProcessRunner(), directory, environment };
  const finding = await Home.use(options, AbortSignal.timeout(60_000), async (home) => {
    return await new SignatureCheck(home, ring, systemClock).check({ payload, signature: Buffer.from(signature) });
  });
  expect(readdirSync(directory).filter((name) => name.startsWith('verify-'))).toEqual([]);
  expect(await findMarked('GIT_SIDECAR_OWNER', (text) => text === mark)).toEqual([]);
  return 'signer' in finding ? finding.signer.names.join(' ') : finding.code;
}

const garbage = (kind: string): string => `-----BEGIN ${kind}-----\n\nbm90IG9uZQ==\n-----END ${kind}-----\n`;

describe.skipIf(missing('gpg', 'gpgconf'))('a signature of gpg', () => {
  test('is good by a key that was named, armoured or binary, and names the key', async () => {
    const directory = tempDir();
    const [alice, bob] = [
      new OpenpgpSigner(directory, 'alice'),
      new OpenpgpSigner(directory, 'bob', { kind: 'rsa2048' }),
    ];
    const binary = bob.gpg(['--export']);
    expect(await ask([alice.publicKey], alice.sign(PAYLOAD))).toBe(alice.fingerprint);
    expect(await ask([binary], bob.sign(PAYLOAD))).toBe(bob.fingerprint);
    expect(await ask([`${alice.publicKey}${bob.publicKey}`], bob.sign(PAYLOAD))).toBe(bob.fingerprint);
    expect(await ask([alice.publicKey, binary], bob.sign(PAYLOAD, ['--textmode']))).toBe(bob.fingerprint);
  });

  test('is refused by a code of its own for each reason', async () => {
    const directory = tempDir();
    const [alice, bob] = [new OpenpgpSigner(directory, 'alice'), new OpenpgpSigner(directory, 'bob')];
    expect(await ask([alice.publicKey], alice.sign(Buffer.from('other')))).toBe('ERR_VERIFY_BAD');
    expect(await ask([alice.publicKey], bob.sign(PAYLOAD))).toBe('ERR_VERIFY_UNKNOWN_KEY');
    expect(await ask([alice.publicKey], garbage('PGP SIGNATURE'))).toBe('ERR_VERIFY_GARBAGE');
    expect(await ask([alice.publicKey], 'nothing known')).toBe('ERR_VERIFY_GARBAGE');
    const two = alice.sign(PAYLOAD).replace(/-----END[\s\S]*/, '') + bob.sign(PAYLOAD);
    expect(await ask([alice.publicKey, bob.publicKey], two)).toBe('ERR_VERIFY_GARBAGE');
    expect(await ask([alice.publicKey], alice.sign(PAYLOAD, ['--digest-algo', 'SHA1']))).toBe('ERR_VERIFY_WEAK');
    const signature = bob.sign(PAYLOAD);
    expect(await ask([bob.revokedKey], signature)).toBe('ERR_VERIFY_REVOKED');
  });

  test('by a short key, an expired key, or with a date of expiry is refused', async () => {
    const directory = tempDir();
    const short = new OpenpgpSigner(directory, 'short', { kind: 'rsa1024' });
    expect(await ask([short.publicKey], short.sign(PAYLOAD))).toBe('ERR_VERIFY_WEAK');
    const old = new OpenpgpSigner(directory, 'old', { expire: '1y', at: '20200101T000000' });
    expect(await ask([old.publicKey], old.sign(PAYLOAD))).toBe('ERR_VERIFY_KEY_EXPIRED');
    const ageless = new OpenpgpSigner(directory, 'ageless', { at: '20200101T000000' });
    const brief = ageless.sign(PAYLOAD, ['--default-sig-expire', '1d']);
    expect(await ask([ageless.publicKey], brief)).toBe('ERR_VERIFY_SIGNATURE_EXPIRED');
    expect(await ask([ageless.publicKey], ageless.sign(PAYLOAD))).toBe(ageless.fingerprint);
  });

  test('by a key that was made in what is the future for this machine is refused as one that is not valid today', async () => {
    const directory = tempDir();
    const young = new OpenpgpSigner(directory, 'young', { at: '20400101T000000' });
    expect(await ask([young.publicKey], young.sign(PAYLOAD))).toBe('ERR_VERIFY_KEY_EXPIRED');
  });

  test('is refused when there are keys of other kinds only', async () => {
    const directory = tempDir();
    const [alice, ssh] = [new OpenpgpSigner(directory, 'alice'), new SshSigner(directory, 's')];
    expect(await ask([`s ${ssh.publicKey}\n`], alice.sign(PAYLOAD))).toBe('ERR_VERIFY_UNKNOWN_KEY');
  });
});

describe.skipIf(missing('ssh-keygen'))('a signature of ssh-keygen', () => {
  test('is good by a key that the file of signers allows for git, and names the principal', async () => {
    const directory = tempDir();
    const [alice, rsa] = [new SshSigner(directory, 'a'), new SshSigner(directory, 'r', ['-t', 'rsa', '-b', '2048'])];
    const plain = `alice@example.com ${alice.publicKey}\n`;
    expect(await ask([plain], alice.sign(PAYLOAD))).toBe(`alice@example.com ${alice.fingerprint}`);
    const dated = `bob namespaces="git,file",valid-after="20200101",valid-before="20990101" ${rsa.publicKey}\n`;
    expect(await ask([plain, dated], rsa.sign(PAYLOAD))).toBe(`bob ${rsa.fingerprint}`);
    const second = `eve namespaces="file" ${alice.publicKey}\n# a comment\nalice ${alice.publicKey}\n`;
    expect(await ask([second], alice.sign(PAYLOAD))).toBe(`alice ${alice.fingerprint}`);
  });

  test('is refused by a code of its own for each reason', async () => {
    const directory = tempDir();
    const [alice, bob] = [new SshSigner(directory, 'a'), new SshSigner(directory, 'b')];
    const short = new SshSigner(directory, 'short', ['-t', 'rsa', '-b', '1024']);
    const signers = `alice ${alice.publicKey}\nshort ${short.publicKey}\n`;
    expect(await ask([signers], alice.sign(Buffer.from('other')))).toBe('ERR_VERIFY_BAD');
    expect(await ask([signers], alice.sign(PAYLOAD, 'file'))).toBe('ERR_VERIFY_BAD');
    expect(await ask([signers], bob.sign(PAYLOAD))).toBe('ERR_VERIFY_UNKNOWN_KEY');
    expect(await ask([signers], garbage('SSH SIGNATURE'))).toBe('ERR_VERIFY_GARBAGE');
    expect(await ask([signers], short.sign(PAYLOAD))).toBe('ERR_VERIFY_WEAK');
    expect(await ask([signers, alice.revocations], alice.sign(PAYLOAD))).toBe('ERR_VERIFY_REVOKED');
    const past = `alice valid-before="20200101" ${alice.publicKey}\n`;
    expect(await ask([past], alice.sign(PAYLOAD))).toBe('ERR_VERIFY_KEY_EXPIRED');
    const future = `alice valid-after="20990101" ${alice.publicKey}\n`;
    expect(await ask([future], alice.sign(PAYLOAD))).toBe('ERR_VERIFY_KEY_EXPIRED');
    const files = `alice namespaces="file" ${alice.publicKey}\n`;
    expect(await ask([files], alice.sign(PAYLOAD))).toBe('ERR_VERIFY_NOT_ALLOWED');
  });
});

describe.skipIf(missing('ssh-keygen'))('a signature of an ssh key with a certificate', () => {
  const setUp = () => {
    const directory = tempDir();
    const [ca, alice] = [new SshSigner(directory, 'ca'), new SshSigner(directory, 'alice')];
    return { directory, ca, alice, signers: `*@example.com cert-authority,namespaces="git" ${ca.publicKey}\n` };
  };

  test('is good when an authority of the file of signers certifies the principal, and names the key without it', async () => {
    const { ca, alice, signers } = setUp();
    const certified = alice.certify(ca, ['-n', 'alice@example.com', '-V', '+1d']);
    const names = `alice@example.com ${alice.fingerprint}`;
    expect(await ask([signers], certified.sign(PAYLOAD))).toBe(names);
    // The authority itself, and the key alone, may not sign.
    expect(await ask([signers], ca.sign(PAYLOAD))).toBe('ERR_VERIFY_NOT_ALLOWED');
    expect(await ask([signers], alice.sign(PAYLOAD))).toBe('ERR_VERIFY_UNKNOWN_KEY');
    expect(await ask([signers, alice.revocations], certified.sign(PAYLOAD))).toBe('ERR_VERIFY_REVOKED');
  });

  test('is refused for another principal, of another authority, and when the certificate is not valid today', async () => {
    const { directory, ca, alice, signers } = setUp();
    const mallory = new SshSigner(directory, 'mallory');
    const sign = (authority: SshSigner, ...options: string[]) => alice.certify(authority, options).sign(PAYLOAD);
    expect(await ask([signers], sign(ca, '-n', 'alice@example.org'))).toBe('ERR_VERIFY_UNKNOWN_KEY');
    expect(await ask([signers], sign(mallory, '-n', 'alice@example.com'))).toBe('ERR_VERIFY_UNKNOWN_KEY');
    const dated = (dates: string) => sign(ca, '-n', 'alice@example.com', '-V', dates);
    expect(await ask([signers], dated('20200101:20210101'))).toBe('ERR_VERIFY_KEY_EXPIRED');
    expect(await ask([signers], dated('20400101:20410101'))).toBe('ERR_VERIFY_KEY_EXPIRED');
  });

  test.each([
    ['rsa', ['-t', 'rsa', '-b', '2048']],
    ['ecdsa', ['-t', 'ecdsa', '-b', '384']],
  ])('names the key of a certificate for %s as ssh-keygen does', async (_kind, options) => {
    const { directory, ca, signers } = setUp();
    const bob = new SshSigner(directory, 'bob', options);
    const signature = bob.certify(ca, ['-n', 'bob@example.com']).sign(PAYLOAD);
    expect(await ask([signers], signature)).toBe(`bob@example.com ${bob.fingerprint}`);
  });
});

test.skipIf(missing('ssh-keygen'))('a signature of an RSA key that uses SHA-1 is weak', async () => {
  const old = new SshSigner(tempDir(), 'old', ['-t', 'rsa', '-b', '2048', '-m', 'PEM']);
  expect(await ask([`old ${old.publicKey}\n`], old.sign(PAYLOAD))).toBe(`old ${old.fingerprint}`);
  expect(await ask([`old ${old.publicKey}\n`], old.signWithSha1(PAYLOAD))).toBe('ERR_VERIFY_WEAK');
});

describe.skipIf(missing('gpgsm', 'gpg-agent', 'openssl'))('a signature with a certificate', () => {
  test('is good when a CA that was named has issued it, and leaves no agent behind', async () => {
    const authority = new TestAuthority(tempDir(), 'root');
    expect(await ask([authority.certificate], authority.issue('alice').sign(PAYLOAD))).toMatch(
      /^[0-9A-F]{40} \/CN=alice$/,
    );
  });

  test('is refused by a code of its own for each reason', async () => {
    const directory = tempDir();
    const [root, other] = [new TestAuthority(directory, 'root'), new TestAuthority(directory, 'other')];
    const alice = root.issue('alice');
    expect(await ask([root.certificate], alice.sign(Buffer.from('other')))).toBe('ERR_VERIFY_BAD');
    expect(await ask([other.certificate], alice.sign(PAYLOAD))).toBe('ERR_VERIFY_UNKNOWN_KEY');
    expect(await ask([root.certificate], garbage('SIGNED MESSAGE'))).toBe('ERR_VERIFY_GARBAGE');
    const dates = ['-startdate', '20200101000000Z', '-enddate', '20210101000000Z'];
    expect(await ask([root.certificate], root.issue('old', { dates }).sign(PAYLOAD))).toBe('ERR_VERIFY_KEY_EXPIRED');
    const later = ['-startdate', '20400101000000Z', '-enddate', '20410101000000Z'];
    expect(await ask([root.certificate], root.issue('young', { dates: later }).sign(PAYLOAD))).toBe(
      'ERR_VERIFY_KEY_EXPIRED',
    );
    const sha1 = root.issue('sha1', { signing: ['-md', 'sha1'] });
    expect(await ask([root.certificate], sha1.sign(PAYLOAD))).toBe('ERR_VERIFY_WEAK');
    expect(await ask([root.certificate], root.issue('short', { bits: 1024 }).sign(PAYLOAD))).toBe('ERR_VERIFY_WEAK');
  });

  test('says that the path is too long where gpg-agent cannot make its socket', async () => {
    const authority = new TestAuthority(tempDir(), 'root');
    const long = join(tempDir(), 'x'.repeat(100));
    mkdirSync(long);
    const asked = ask([authority.certificate], authority.issue('alice').sign(PAYLOAD), PAYLOAD, long);
    await expect(asked).rejects.toMatchObject({
      code: 'ERR_VERIFY_PROGRAM',
      detail: expect.stringContaining('is too long'),
    });
  });

  test('is refused when what is named as a CA is none, or nothing that can be read', async () => {
    const authority = new TestAuthority(tempDir(), 'root');
    const broken = authority.certificate.replace(/\n[A-Za-z0-9+/]{64}\n/, '\n');
    await expect(ask([broken], authority.issue('alice').sign(PAYLOAD))).rejects.toMatchObject({
      code: 'ERR_VERIFY_KEYS',
    });
  });
});
