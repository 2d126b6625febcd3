import type { Clock } from '../platform/clock.ts';
import type { Home } from './home.ts';
import type { KeyRing } from './key-files.ts';
import { OpenpgpCheck } from './openpgp.ts';
import { formatOf, type SignedObject } from './signed-object.ts';
import type { Finding } from './signer.ts';
import { SshCheck } from './ssh.ts';
import { X509Check } from './x509.ts';

const NONE: Readonly<Record<'openpgp' | 'x509' | 'ssh', string>> = {
  openpgp: 'it is an OpenPGP signature, and --verify-keys has no OpenPGP keys',
  x509: 'it is an X.509 signature, and --verify-keys has no CA certificates',
  ssh: 'it is an ssh signature, and --verify-keys has no file of signers',
};

/** Checks signatures of every kind, with the keys of one ring and in one home; programs are prepared when first needed. */
export class SignatureCheck {
  readonly #home: Home;
  readonly #ring: KeyRing;
  readonly #clock: Clock;
  #openpgp: OpenpgpCheck | undefined;
  #x509: X509Check | undefined;
  #ssh: SshCheck | undefined;

  constructor(home: Home, ring: KeyRing, clock: Clock) {
    this.#home = home;
    this.#ring = ring;
    this.#clock = clock;
  }

  /** @throws SidecarError ERR_VERIFY_PROGRAM, ERR_VERIFY_KEYS */
  async check(object: SignedObject): Promise<Finding> {
    const { files } = this.#ring;
    const format = formatOf(object.signature);
    if (!format) return { code: 'ERR_VERIFY_GARBAGE', detail: 'it has a form that git does not know' };
    const kind = format === 'ssh' ? 'ssh-signers' : format;
    if (files[kind].length === 0) return { code: 'ERR_VERIFY_UNKNOWN_KEY', detail: NONE[format] };
    if (format === 'ssh') {
      this.#ssh ??= await SshCheck.open(this.#home, this.#ring, this.#clock);
      return await this.#ssh.check(object);
    }
    if (format === 'x509') {
      this.#x509 ??= await X509Check.open(this.#home, this.#ring);
      return await this.#x509.check(object);
    }
    this.#openpgp ??= await OpenpgpCheck.open(this.#home, this.#ring, this.#clock);
    return await this.#openpgp.check(object);
  }
}
