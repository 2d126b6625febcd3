import { rows, SERVICES } from '../option.ts';

/** What may be published: signatures, and no way back. */
export const VERIFY_OPTIONS = rows({ group: 'verify', commands: ['sync', 'run'], since: 'git-sidecar' }, [
  {
    name: 'verify',
    commands: SERVICES,
    type: 'string',
    default: 'off',
    choices: {
      off: '',
      commit: 'the commit',
      tag: 'the tag that is followed',
      'tag-and-commit': 'both',
    },
    placeholder: 'WHAT',
    doc: 'Publish only what carries a good signature by a key of `--verify-keys`. What does not is refused: the revision before stays published. Needs gpg, gpgsm or ssh-keygen, according to the keys. A relay passes on only such tips of branches and tags. See docs/verify.md.',
  },
  {
    name: 'verify-keys',
    commands: SERVICES,
    detailOf: ['verify'],
    type: 'list',
    placeholder: 'PATH',
    doc: 'A file, or a directory of files, with the keys that may sign: OpenPGP public keys, an ssh `allowed_signers` list, an ssh revocation list, or CA certificates in PEM for X.509. They are read again when they change. May be given several times.',
  },
  {
    name: 'verify-signers',
    commands: SERVICES,
    detailOf: ['verify'],
    type: 'repeat',
    placeholder: 'PATTERN=SIGNER,…',
    doc: 'Who may sign for which refs, for instance `refs/tags/**=alice@example.com`: a pattern of full names, and fingerprints, ssh principals or subjects of certificates; `*` is every key of `--verify-keys`. Once it is given, a ref that no pattern matches is refused. May be given several times.',
  },
  {
    name: 'verify-since',
    commands: SERVICES,
    type: 'string',
    detailOf: ['verify', 'fast-forward-only'],
    placeholder: 'COMMIT',
    doc: 'The full id of the last commit of a history that was not signed before. This commit needs no signature, `--verify-range` looks at nothing before it, and with `--fast-forward-only` the first commit that is published has to come from it.',
  },
  {
    name: 'verify-range',
    type: 'bool',
    detailOf: ['verify'],
    default: 'false',
    doc: 'With `--verify=commit` or `tag-and-commit`: every commit between what is published and the new one needs a good signature, not only the new one.',
  },
  {
    name: 'verify-submodules',
    type: 'bool',
    detailOf: ['verify'],
    default: 'false',
    doc: 'With `--verify=commit` or `tag-and-commit`: the commit of each submodule that is checked out needs a good signature too.',
  },
  {
    name: 'fast-forward-only',
    type: 'bool',
    default: 'false',
    doc: 'Publish only commits that come from the one that is published. A rewritten history, or an older commit, is refused, also after a restart.',
  },
  {
    name: 'allow-rewind',
    needs: ['fast-forward-only'],
    type: 'string',
    placeholder: 'COMMIT',
    doc: 'The full id of one commit that `--fast-forward-only` lets through once although it does not come from what is published.',
  },
]);
