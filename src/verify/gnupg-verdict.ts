import type { ErrorCode } from '../model/error-codes.ts';
import type { CommandResult } from '../platform/process/runner.ts';
import { programError } from './home.ts';
import { readStatusLines, type StatusLine, weakHash } from './status-lines.ts';

/** What gpg or gpgsm says of a signature, as far as it is not good: the code and what is to be said. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly detail: string;
}

/** Keywords that say how the check of a signature ended; each signature has one of them (GnuPG, doc/DETAILS). */
const RESULTS: Readonly<Record<string, Refusal | undefined>> = {
  GOODSIG: undefined,
  BADSIG: { code: 'ERR_VERIFY_BAD', detail: 'it is not the signature of this content; the key is' },
  EXPSIG: { code: 'ERR_VERIFY_SIGNATURE_EXPIRED', detail: 'the signature has expired; the key is' },
  EXPKEYSIG: { code: 'ERR_VERIFY_KEY_EXPIRED', detail: 'the key has expired:' },
  REVKEYSIG: { code: 'ERR_VERIFY_REVOKED', detail: 'the key was revoked:' },
  ERRSIG: { code: 'ERR_VERIFY_GARBAGE', detail: 'it could not be checked; the key is' },
};

/** GPG_ERR_NO_PUBKEY. */
const NO_PUBLIC_KEY = '9';

/**
 * What the program says of a signature. Of garbage it says so, too; where it says nothing, it did not work.
 * @throws SidecarError ERR_VERIFY_PROGRAM
 */
export function statusOf(program: string, { stdout, stderr }: CommandResult): readonly StatusLine[] {
  const lines = readStatusLines(stdout);
  if (lines.length > 0) return lines;
  const said = stderr.trim().split('\n').at(-1) || 'nothing';
  throw programError(program, `it says nothing of the signature, and of itself: ${said}`);
}

function explainUnchecked({ args }: StatusLine): Refusal {
  const [keyId = '', , hash = '', , , reason, fingerprint] = args;
  const key = fingerprint && fingerprint !== '-' ? fingerprint : keyId;
  if (reason === NO_PUBLIC_KEY) return { code: 'ERR_VERIFY_UNKNOWN_KEY', detail: `nobody has named the key ${key}` };
  const weak = weakHash(Number(hash));
  if (weak) return { code: 'ERR_VERIFY_WEAK', detail: `it uses ${weak}; the key is ${key}` };
  return { code: 'ERR_VERIFY_GARBAGE', detail: `it could not be checked (reason ${reason}); the key is ${key}` };
}

/** Why what the program says is no good signature; undefined when it is exactly one. */
export function refusalOf(lines: readonly StatusLine[]): Refusal | undefined {
  const results = lines.filter(({ keyword }) => Object.hasOwn(RESULTS, keyword));
  const count = Math.max(results.length, lines.filter(({ keyword }) => keyword === 'NEWSIG').length);
  const [result] = results;
  if (!result) return { code: 'ERR_VERIFY_GARBAGE', detail: 'it cannot be read' };
  if (count !== 1) return { code: 'ERR_VERIFY_GARBAGE', detail: `there are ${count} signatures in one` };
  if (result.keyword === 'ERRSIG') return explainUnchecked(result);
  const refusal = RESULTS[result.keyword];
  return refusal && { code: refusal.code, detail: `${refusal.detail} ${result.args.join(' ')}` };
}

/** The facts of the one line VALIDSIG. */
export interface ValidSignature {
  readonly fingerprint: string;
  readonly primary: string | undefined;
  readonly hash: number;
  /** `00` and `01` sign a document. */
  readonly signatureClass: string;
}

export function validSignatureOf(lines: readonly StatusLine[]): ValidSignature | undefined {
  const found = lines.filter(({ keyword }) => keyword === 'VALIDSIG');
  const [line] = found;
  if (!line || found.length > 1) return undefined;
  const { args } = line;
  return {
    fingerprint: args[0] ?? '',
    primary: args[9],
    hash: Number(args[7]),
    signatureClass: args[8] ?? '',
  };
}
