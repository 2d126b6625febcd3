import { X509Certificate } from 'node:crypto';
import { asSidecarError, type SidecarError } from '../model/error.ts';
import { isValidAt, signerLines } from '../verify/allowed-signers.ts';
import { Home, type HomeOptions } from '../verify/home.ts';
import { KeyFiles, type KeyRing } from '../verify/key-files.ts';
import type { KeyKind } from '../verify/key-kinds.ts';
import { certificatesIn } from '../verify/x509.ts';
import { ok, type Verdict, wrong } from './finding.ts';

/** Reads all files of `--verify-keys`. */
export async function readRing(keys: readonly string[]): Promise<KeyRing | SidecarError> {
  return await new KeyFiles(keys).read().catch((error: unknown) => asSidecarError(error, 'read keys'));
}

/** Programs that check signatures by keys of a kind. */
export const PROGRAMS: Readonly<Record<KeyKind, readonly string[]>> = {
  openpgp: ['gpg'],
  x509: ['gpgsm', 'gpg-agent'],
  'ssh-signers': ['ssh-keygen'],
  'ssh-revoked': ['ssh-keygen'],
};

/** How many there are, and how many of them are of no use today. */
interface Count {
  readonly what: string;
  readonly all: number;
  readonly expired: number;
  readonly revoked: number;
}

/** Fields 1 and 2 of `pub` records: the kind and the validity (GnuPG, doc/DETAILS). */
async function countOpenpgp(contents: readonly Buffer[], home: Home): Promise<Count> {
  const validities: string[] = [];
  const quiet = ['--no-options', '--batch', '--no-tty', '--quiet', '--no-autostart', '--disable-dirmngr'];
  for (const content of contents) {
    const { stdout } = await home.run('gpg', [...quiet, '--with-colons', '--show-keys', await home.write(content)]);
    validities.push(...[...stdout.toString().matchAll(/^pub:(.?):/gm)].map(([, validity]) => validity ?? ''));
  }
  const of = (letter: string): number => validities.filter((each) => each === letter).length;
  return { what: 'OpenPGP keys', all: validities.length, expired: of('e'), revoked: of('r') };
}

function countX509(contents: readonly Buffer[], now: number): Count {
  const all = contents.flatMap(certificatesIn).map((pem) => new X509Certificate(pem));
  const expired = all.filter(({ validTo }) => Date.parse(validTo) < now).length;
  return { what: 'CA certificates', all: all.length, expired, revoked: 0 };
}

function countSigners(contents: readonly Buffer[], now: number): Count {
  const lines = contents.flatMap((content) => signerLines(content.toString('utf8')));
  // `YYYYMMDDhhmmss` in UTC.
  const time = new Date(now).toISOString().replace(/\D/g, '').slice(0, 14);
  const expired = lines.filter((line) => !isValidAt(line, time)).length;
  return { what: 'ssh signers', all: lines.length, expired, revoked: 0 };
}

function describe({ what, all, expired, revoked }: Count): string {
  const bad = [expired > 0 ? `${expired} not valid today` : '', revoked > 0 ? `${revoked} revoked` : ''];
  const text = bad.filter((each) => each !== '').join(', ');
  return `${all} ${what}${text === '' ? '' : ` (${text})`}`;
}

/** How many keys there are of each kind, and how many of them are of no use. */
export async function checkKeys(
  ring: KeyRing | SidecarError,
  home: HomeOptions,
  now: number,
  signal: AbortSignal,
): Promise<Verdict> {
  if (ring instanceof Error) return wrong(ring.detail, ring.hint);
  const { files } = ring;
  const counts: Count[] = [];
  if (files.openpgp.length > 0)
    counts.push(await Home.use(home, signal, async (each) => await countOpenpgp(files.openpgp, each)));
  if (files.x509.length > 0) counts.push(countX509(files.x509, now));
  if (files['ssh-signers'].length > 0) counts.push(countSigners(files['ssh-signers'], now));
  const lists = files['ssh-revoked'].length;
  const text = [...counts.map(describe), ...(lists > 0 ? [`${lists} lists of revoked ssh keys`] : [])].join(', ');
  const isUseful = counts.some(({ all, expired, revoked }) => all > expired + revoked);
  return isUseful ? ok(text) : wrong(`no key is valid today: ${text}`, 'put keys into `--verify-keys` that are valid');
}
