import type { ErrorCodeEntry } from './error-entry.ts';

const STAYS =
  'what is published stays, and the revision is not asked for again until the ref moves or the keys change.';
const STAYS_FOR_NOW =
  'what is published stays, and the revision is looked at again after five minutes, or when the ref moves or the keys change.';

/** Errors of `--verify` and `--fast-forward-only`. The table is put together in `error-codes.ts`. */
export const ERROR_CODES_OF_VERIFY = {
  ERR_VERIFY_UNSIGNED: {
    class: 'veto',
    revision: 'faulty',
    meaning: `A commit or tag has no signature; ${STAYS}`,
    hint: 'Sign it (`git commit -S`, `git tag -s`) and push again; for a history that was unsigned before, name its last commit with `--verify-since`.',
  },
  ERR_VERIFY_BAD: {
    class: 'veto',
    revision: 'faulty',
    meaning: `A signature does not belong to what it stands on: the commit or tag was changed after it was signed, or was signed for another purpose; ${STAYS}`,
    hint: 'Find out who pushed it. A tool that rewrites commits and copies their signatures is the harmless cause.',
  },
  ERR_VERIFY_UNKNOWN_KEY: {
    class: 'veto',
    revision: 'faulty',
    meaning: `A signature is by a key that \`--verify-keys\` does not hold; ${STAYS}`,
    hint: 'The message names the key. If its owner may sign, add the public key to a file of `--verify-keys`.',
  },
  ERR_VERIFY_SIGNATURE_EXPIRED: {
    class: 'veto',
    revision: 'faulty',
    untilLater: true,
    meaning: `A signature was made with a date of expiry, which has passed; ${STAYS_FOR_NOW}`,
    hint: 'Sign again, with a new commit or tag.',
  },
  ERR_VERIFY_KEY_EXPIRED: {
    class: 'veto',
    revision: 'faulty',
    untilLater: true,
    meaning: `The key or certificate of a signature is not valid today; ${STAYS_FOR_NOW}`,
    hint: 'If it should be valid, look at the clock of this machine. Else extend it (a later date for the key, `valid-before` in the file of signers, a new certificate) and put the new public part into `--verify-keys`.',
  },
  ERR_VERIFY_REVOKED: {
    class: 'veto',
    revision: 'faulty',
    meaning: `The key of a signature was revoked; ${STAYS}`,
    hint: 'Sign again with another key. If the key was stolen, look at everything it has signed.',
  },
  ERR_VERIFY_WEAK: {
    class: 'veto',
    revision: 'faulty',
    meaning: `A signature can be forged with little effort: it uses MD5 or SHA-1, DSA, or RSA with fewer than 2048 bits; ${STAYS}`,
    hint: 'Sign again with SHA-256 or better and an Ed25519, ECDSA or RSA key of 2048 bits or more.',
  },
  ERR_VERIFY_GARBAGE: {
    class: 'veto',
    revision: 'faulty',
    meaning: `What stands in the place of a signature cannot be read as one, or there is more than one; ${STAYS}`,
    hint: 'Look at it with `git cat-file commit` or `git cat-file tag`, and sign again.',
  },
  ERR_VERIFY_NOT_ALLOWED: {
    class: 'veto',
    revision: 'faulty',
    meaning: `A good signature is by somebody whom \`--verify-signers\` does not allow for this ref; ${STAYS}`,
    hint: 'The message names the ref and the signer as `--verify-signers` can name them.',
  },
  ERR_VERIFY_NO_TAG: {
    class: 'veto',
    revision: 'faulty',
    meaning: `\`--verify\` asks for a signed tag, but the ref is no annotated tag, or the tag was made under another name or for another commit; ${STAYS}`,
    hint: 'Follow a tag (`--ref`, `--ref-semver`) that was made with `git tag -s`, or use `--verify=commit`.',
  },
  ERR_VERIFY_REWOUND: {
    class: 'veto',
    revision: 'faulty',
    meaning: `With \`--fast-forward-only\`: the history was rewritten, or goes back to an older commit; ${STAYS}`,
    hint: 'If that was meant, allow this one commit with `--allow-rewind` and the id in the message.',
  },
  ERR_VERIFY_HISTORY: {
    class: 'retry',
    meaning:
      'The history between what is published and the new commit could not be read, so it is not known whether the policy allows it; what is published stays.',
    hint: 'Look at the cause in the message. With a very long history raise `--sync-timeout` for once.',
  },
  ERR_VERIFY_PROGRAM: {
    class: 'retry',
    meaning: 'A program that checks signatures is missing or failed: gpg, gpgsm with gpg-agent, or ssh-keygen.',
    hint: 'Install it (Debian: `gnupg`, `gpgsm`, `openssh-client`).',
  },
  ERR_VERIFY_KEYS: {
    class: 'veto',
    meaning: 'A file of `--verify-keys` cannot be read, or holds nothing that signatures can be checked with.',
    hint: 'It has to hold OpenPGP public keys, an ssh `allowed_signers` list, an ssh revocation list or CA certificates in PEM. Check the path, its mode and the volume it comes from.',
  },
} as const satisfies Record<string, ErrorCodeEntry>;
