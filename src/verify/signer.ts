import type { ErrorCode } from '../model/error-codes.ts';

/** Who has made a good signature. */
export interface Signer {
  /** For a person. */
  readonly shown: string;
  /** What `--verify-signers` can name: fingerprints, principals, subjects. */
  readonly names: readonly string[];
}

/** What came out of looking at one signature. */
export type Finding = { readonly signer: Signer } | { readonly code: ErrorCode; readonly detail: string };

export function isGood(finding: Finding): finding is { readonly signer: Signer } {
  return 'signer' in finding;
}
