import type { SignersRule } from '../config/sync-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import type { SignatureCheck } from './check-signature.ts';
import { AMBIGUOUS, type splitCommit } from './signed-object.ts';
import { isGood, type Signer } from './signer.ts';
import { mayGiveOut } from './signers-of-refs.ts';

export interface SignedThing {
  /** For errors: `commit 1a2b…`. */
  readonly what: string;
  /** The full name of the ref that shows it. */
  readonly ref: string;
  /** The object, taken apart: undefined without a signature. */
  readonly split: ReturnType<typeof splitCommit>;
}

/**
 * Exactly one good signature, by somebody who may sign for the ref.
 * @throws SidecarError ERR_VERIFY_* with the reason
 */
export async function requireSignature(
  check: SignatureCheck,
  rules: readonly SignersRule[],
  { what, ref, split }: SignedThing,
): Promise<Signer> {
  const refuse = (code: SidecarError['code'], detail: string): SidecarError =>
    new SidecarError(code, { op: 'verify', target: what, detail });
  if (split === undefined) throw refuse('ERR_VERIFY_UNSIGNED', 'it has no signature');
  if (split === AMBIGUOUS) throw refuse('ERR_VERIFY_GARBAGE', 'it has more than one signature');
  const finding = await check.check(split);
  if (!isGood(finding)) throw refuse(finding.code, messageOf(finding.detail));
  const { signer } = finding;
  if (!mayGiveOut(rules, ref, signer))
    throw refuse('ERR_VERIFY_NOT_ALLOWED', `for ${ref}, --verify-signers does not name ${signer.names.join(' or ')}`);
  return signer;
}
