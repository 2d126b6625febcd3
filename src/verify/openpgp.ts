import { SidecarError } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import { refusalOf, statusOf, validSignatureOf } from './gnupg-verdict.ts';
import { type Home, programError } from './home.ts';
import type { KeyRing } from './key-files.ts';
import type { SignedObject } from './signed-object.ts';
import type { Finding } from './signer.ts';
import {
  type ListedKey,
  readListedKeys,
  readStatusLines,
  type StatusLine,
  weakHash,
  weaknessOfKey,
} from './status-lines.ts';

/** No agent, no network, no file of options, nothing asked. */
const QUIET = [
  ...['--no-options', '--batch', '--no-tty', '--quiet', '--no-autostart', '--disable-dirmngr'],
  ...['--no-auto-key-retrieve', '--no-auto-key-locate', '--no-auto-check-trustdb', '--trust-model', 'always'],
  ...['--status-fd', '1'],
];

/** A key is taken also before its time, as the clock of this machine has it, so that its signatures can be explained. */
const EARLY = ['--ignore-time-conflict'];

/** Checks OpenPGP signatures with the keys of a ring, in a home that knows no others. */
export class OpenpgpCheck {
  readonly #home: Home;
  readonly #keys: readonly ListedKey[];
  readonly #clock: Clock;

  private constructor(home: Home, keys: readonly ListedKey[], clock: Clock) {
    this.#home = home;
    this.#keys = keys;
    this.#clock = clock;
  }

  /** @throws SidecarError ERR_VERIFY_KEYS when gpg takes none of the keys, ERR_VERIFY_PROGRAM */
  static async open(home: Home, { files }: KeyRing, clock: Clock): Promise<OpenpgpCheck> {
    // Else a new gpg keeps its keys with a daemon.
    await home.write('', 'common.conf');
    for (const content of files.openpgp) {
      const path = await home.write(content);
      const { stdout, stderr } = await home.run('gpg', [...QUIET, ...EARLY, '--import', path]);
      const isTaken = readStatusLines(stdout).some(({ keyword }) => keyword === 'IMPORT_OK');
      if (isTaken) continue;
      const detail = `gpg takes no key of it: ${stderr.trim().split('\n').at(0) ?? ''}`;
      throw new SidecarError('ERR_VERIFY_KEYS', { op: 'import', target: 'OpenPGP keys', detail });
    }
    const { stdout, code } = await home.run('gpg', [...QUIET, '--with-colons', '--list-keys']);
    if (code !== 0) throw programError('gpg', 'it cannot list the keys that it was given');
    return new OpenpgpCheck(home, readListedKeys(stdout), clock);
  }

  async check({ payload, signature }: SignedObject): Promise<Finding> {
    const path = await this.#home.write(signature);
    const result = await this.#home.run('gpg', [...QUIET, '--verify', path, '-'], payload);
    const { code } = result;
    const lines = statusOf('gpg', result);
    const refusal = refusalOf(lines);
    if (refusal) return this.#explainYoung(lines) ?? refusal;
    const valid = validSignatureOf(lines);
    if (!valid || code !== 0) return { code: 'ERR_VERIFY_BAD', detail: 'gpg does not call it valid' };
    if (valid.signatureClass !== '00' && valid.signatureClass !== '01')
      return {
        code: 'ERR_VERIFY_BAD',
        detail: `it is a signature of class ${valid.signatureClass}, not of a document`,
      };
    const names = [...new Set([valid.primary ?? valid.fingerprint, valid.fingerprint])];
    const [shown = ''] = names;
    const weak = weakHash(valid.hash);
    if (weak) return { code: 'ERR_VERIFY_WEAK', detail: `it uses ${weak}; the key is ${shown}` };
    for (const name of names) {
      const key = this.#keys.find(({ fingerprint }) => fingerprint === name);
      if (!key) return { code: 'ERR_VERIFY_UNKNOWN_KEY', detail: `nobody has named the key ${name}` };
      const weakness = weaknessOfKey(key);
      if (weakness) return { code: 'ERR_VERIFY_WEAK', detail: `${weakness}, ${name}` };
    }
    return { signer: { shown: `OpenPGP key ${shown}`, names } };
  }

  /** gpg calls a key bad that was made in what is the future for this machine. */
  #explainYoung(lines: readonly StatusLine[]): Finding | undefined {
    const unchecked = lines.find(({ keyword }) => keyword === 'ERRSIG');
    const key = this.#keys.find(({ fingerprint }) => fingerprint === unchecked?.args[6]);
    if (!key || key.createdAt * 1000 <= this.#clock.now()) return undefined;
    const date = new Date(key.createdAt * 1000).toISOString();
    return { code: 'ERR_VERIFY_KEY_EXPIRED', detail: `the key is not valid before ${date}: ${key.fingerprint}` };
  }
}
