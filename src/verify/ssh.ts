import { createHash } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import { isValidAt, linesWithKey } from './allowed-signers.ts';
import type { Home } from './home.ts';
import type { KeyRing } from './key-files.ts';
import type { SignedObject } from './signed-object.ts';
import type { Finding } from './signer.ts';
import { readSshCertificate, type SshCertificate } from './ssh-certificate.ts';
import { readSshSignature, type SshSignature } from './ssh-signature.ts';

/** git signs for this purpose. */
const NAMESPACE = 'git';
const HASHES: readonly string[] = ['sha256', 'sha512'];
const SHORTEST_RSA = 2048;

function weaknessOf({ keyType, rsaBits, hash, algorithm }: SshSignature): string | undefined {
  if (keyType.startsWith('ssh-dss')) return 'its key is a DSA key';
  if (rsaBits !== undefined && rsaBits < SHORTEST_RSA) return `its key is an RSA key of ${rsaBits} bits`;
  if (algorithm === 'ssh-rsa') return 'it uses SHA-1';
  return HASHES.includes(hash) ? undefined : `it uses ${hash}`;
}

function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** Checks signatures of ssh keys against the files of signers of a ring. */
export class SshCheck {
  readonly #home: Home;
  readonly #clock: Clock;
  readonly #signers: string;
  readonly #signersFile: string;
  readonly #revoked: readonly string[];

  private constructor(home: Home, clock: Clock, signers: string, signersFile: string, revoked: readonly string[]) {
    this.#home = home;
    this.#clock = clock;
    this.#signers = signers;
    this.#signersFile = signersFile;
    this.#revoked = revoked;
  }

  static async open(home: Home, { files }: KeyRing, clock: Clock): Promise<SshCheck> {
    const signers = files['ssh-signers'].map((content) => `${content.toString('utf8')}\n`).join('');
    const revoked = await Promise.all(files['ssh-revoked'].map(async (content) => await home.write(content)));
    return new SshCheck(home, clock, signers, await home.write(signers), revoked);
  }

  async check({ payload, signature }: SignedObject): Promise<Finding> {
    const parsed = readSshSignature(signature);
    if (!parsed) return { code: 'ERR_VERIFY_GARBAGE', detail: 'it is no signature of ssh-keygen' };
    const certificate = readSshCertificate(parsed.key);
    // As ssh-keygen -l shows it.
    const fingerprint = fingerprintOf(certificate?.key ?? parsed.key);
    const name = `${parsed.keyType} ${fingerprint}`;
    if (parsed.namespace !== NAMESPACE)
      return {
        code: 'ERR_VERIFY_BAD',
        detail: `it was made for “${parsed.namespace}”, not for git; the key is ${name}`,
      };
    const weakness = weaknessOf(parsed);
    if (weakness) return { code: 'ERR_VERIFY_WEAK', detail: `${weakness}, ${name}` };
    const path = await this.#home.write(signature);
    const run = async (args: readonly string[], stdin?: Buffer) =>
      await this.#home.run('ssh-keygen', ['-Y', ...args], stdin);
    const isGenuine = await run(['check-novalidate', '-n', NAMESPACE, '-s', path], payload);
    if (isGenuine.code !== 0)
      return { code: 'ERR_VERIFY_BAD', detail: `it is not the signature of this content; the key is ${name}` };
    const revocation = await this.#revocation(parsed, name);
    if (revocation) return revocation;
    const time = `-Overify-time=${this.#now}`;
    const found = await run(['find-principals', time, '-f', this.#signersFile, '-s', path]);
    const lines = linesWithKey(this.#signers, parsed.key);
    const named = found.code === 0 ? found.stdout.toString('utf8').split('\n').filter(Boolean) : [];
    // ssh-keygen names the principals of one line only; others may allow git.
    for (const principal of new Set([...named, ...lines.flatMap(({ principals }) => principals)])) {
      const more = ['-n', NAMESPACE, '-I', principal, '-f', this.#signersFile, '-s', path];
      const { code } = await run(['verify', time, ...more], payload);
      if (code !== 0) continue;
      const names = [principal, fingerprint];
      return { signer: { shown: `ssh key of ${principal}, ${name}`, names } };
    }
    if (certificate && !this.#isValidNow(certificate))
      return { code: 'ERR_VERIFY_KEY_EXPIRED', detail: `the certificate of the key is not valid today: ${name}` };
    if (lines.length === 0 && named.length === 0)
      return { code: 'ERR_VERIFY_UNKNOWN_KEY', detail: `nobody has named the key ${name}` };
    if (lines.length > 0 && !lines.some((line) => isValidAt(line, this.#now)))
      return { code: 'ERR_VERIFY_KEY_EXPIRED', detail: `the file of signers does not allow the key today: ${name}` };
    return { code: 'ERR_VERIFY_NOT_ALLOWED', detail: `the file of signers does not allow the key for git: ${name}` };
  }

  /** `YYYYMMDDhhmmss` in UTC, which is the time zone of the programs. */
  get #now(): string {
    return new Date(this.#clock.now()).toISOString().replace(/\D/g, '').slice(0, 14);
  }

  #isValidNow({ validAfter, validBefore }: SshCertificate): boolean {
    const seconds = BigInt(Math.floor(this.#clock.now() / 1000));
    return validAfter <= seconds && seconds < validBefore;
  }

  async #revocation({ keyType, key }: SshSignature, name: string): Promise<Finding | undefined> {
    for (const list of this.#revoked) {
      const file = await this.#home.write(`${keyType} ${key.toString('base64')}\n`);
      const { code } = await this.#home.run('ssh-keygen', ['-Q', '-f', list, file]);
      if (code !== 0) return { code: 'ERR_VERIFY_REVOKED', detail: `the key was revoked: ${name}` };
    }
    return undefined;
  }
}
