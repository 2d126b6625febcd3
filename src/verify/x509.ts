import { X509Certificate } from 'node:crypto';
import { messageOf, SidecarError } from '../model/error.ts';
import { refusalOf, statusOf, validSignatureOf } from './gnupg-verdict.ts';
import type { Home } from './home.ts';
import type { KeyRing } from './key-files.ts';
import type { SignedObject } from './signed-object.ts';
import type { Finding } from './signer.ts';
import { readListedKeys, readStatusLines, weakHash, weaknessOfKey } from './status-lines.ts';

const QUIET = [
  ...['--no-options', '--batch', '--no-tty', '--disable-dirmngr', '--disable-crl-checks', '--no-autostart'],
  ...['--status-fd', '1'],
];

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Each certificate of a PEM file. */
export function certificatesIn(content: Buffer): readonly string[] {
  return content.toString('latin1').match(CERTIFICATE) ?? [];
}

/** gpg-error codes behind TRUST_UNDEFINED and TRUST_NEVER: GPG_ERR_CERT_EXPIRED and GPG_ERR_CERT_TOO_YOUNG. */
const NOT_TODAY: readonly string[] = ['101', '102'];
const NO_AGENT = '77';

/** gpgsm asks an agent which roots are trusted; this agent lives as long as the command, in its group of processes. */
function withAgent(home: Home, args: readonly string[]): readonly string[] {
  return ['--homedir', home.path, '--no-options', '--no-detach', '--daemon', '--', 'gpgsm', ...QUIET, ...args];
}

/** Checks signatures by certificates that a CA of the ring has issued. */
export class X509Check {
  readonly #home: Home;

  private constructor(home: Home) {
    this.#home = home;
  }

  /** @throws SidecarError ERR_VERIFY_KEYS when a certificate cannot be read, ERR_VERIFY_PROGRAM */
  static async open(home: Home, { files }: KeyRing): Promise<X509Check> {
    const roots: string[] = [];
    await home.write('', 'common.conf');
    for (const content of files.x509) {
      for (const pem of certificatesIn(content)) {
        try {
          const certificate = new X509Certificate(pem);
          if (certificate.issuer === certificate.subject) roots.push(certificate.fingerprint);
        } catch (error) {
          const target = 'CA certificates';
          throw new SidecarError('ERR_VERIFY_KEYS', { op: 'read', target, detail: messageOf(error), cause: error });
        }
      }
      const { stdout, stderr } = await home.run('gpgsm', [...QUIET, '--import', await home.write(content)]);
      if (readStatusLines(stdout).some(({ keyword }) => keyword === 'IMPORT_OK')) continue;
      const detail = `gpgsm takes no certificate of it: ${stderr.trim().split('\n').at(-1) ?? ''}`;
      throw new SidecarError('ERR_VERIFY_KEYS', { op: 'import', target: 'CA certificates', detail });
    }
    await home.write(roots.map((fingerprint) => `${fingerprint} S relax\n`).join(''), 'trustlist.txt');
    return new X509Check(home);
  }

  async check({ payload, signature }: SignedObject): Promise<Finding> {
    const path = await this.#home.write(signature);
    const result = await this.#home.run('gpg-agent', withAgent(this.#home, ['--verify', path, '-']), payload);
    const { code } = result;
    const lines = statusOf('gpg-agent', result);
    const refusal = refusalOf(lines);
    if (refusal) return refusal;
    const valid = validSignatureOf(lines);
    const subject =
      lines
        .find(({ keyword }) => keyword === 'GOODSIG')
        ?.args.slice(1)
        .join(' ') ?? '';
    const distrust = lines.find(({ keyword }) => keyword === 'TRUST_UNDEFINED' || keyword === 'TRUST_NEVER');
    if (distrust) return this.#explain(distrust.args[0] ?? '', subject);
    const isTrusted = lines.some(({ keyword }) => keyword === 'TRUST_FULLY');
    if (!valid || !isTrusted || code !== 0) return { code: 'ERR_VERIFY_BAD', detail: 'gpgsm does not call it valid' };
    const weakness = weakHash(valid.hash) ?? (await this.#weaknessOf(valid.fingerprint));
    if (weakness) return { code: 'ERR_VERIFY_WEAK', detail: `${weakness}; the certificate is ${subject}` };
    return { signer: { shown: `certificate ${subject} ${valid.fingerprint}`, names: [valid.fingerprint, subject] } };
  }

  async #weaknessOf(fingerprint: string): Promise<string | undefined> {
    const { stdout } = await this.#home.run('gpgsm', [...QUIET, '--with-colons', '--list-keys']);
    const key = readListedKeys(stdout).find((each) => each.fingerprint === fingerprint);
    return key ? weaknessOfKey(key) : 'the size of its key is not known';
  }

  #explain(reason: string, subject: string): Finding {
    if (reason === NO_AGENT)
      throw new SidecarError('ERR_VERIFY_PROGRAM', {
        op: 'check a signature with',
        target: 'gpgsm',
        detail: `gpg-agent could not work in ${this.#home.path}; a path of less than 80 characters is needed`,
      });
    if (NOT_TODAY.includes(reason))
      return { code: 'ERR_VERIFY_KEY_EXPIRED', detail: `a certificate is not valid today: ${subject}` };
    return {
      code: 'ERR_VERIFY_UNKNOWN_KEY',
      detail: `no CA of --verify-keys has issued ${subject} (reason ${reason})`,
    };
  }
}
