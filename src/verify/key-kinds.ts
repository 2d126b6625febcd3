export type KeyKind = 'openpgp' | 'x509' | 'ssh-signers' | 'ssh-revoked';

/** First bytes of a binary OpenPGP public key, in the old and the new format of packets (RFC 4880, 4.2). */
const OPENPGP_KEY: readonly number[] = [0x98, 0x99, 0x9a, 0xc6];
const SIGNER_LINE = /^\S+\s+(?:\S+\s+)?(?:ssh-|ecdsa-sha2-|sk-ssh-|sk-ecdsa-|rsa-sha2-)[\w.@-]+\s+AAAA[A-Za-z0-9+/=]+/m;

/** What the content of a file of `--verify-keys` is; undefined when it is nothing that a signature can be checked with. */
export function kindOfKeys(content: Buffer): KeyKind | undefined {
  if (content.subarray(0, 7).toString('latin1') === 'SSHKRL\n') return 'ssh-revoked';
  if (OPENPGP_KEY.includes(content[0] ?? 0)) return 'openpgp';
  const text = content.toString('latin1');
  if (/^-----BEGIN PGP PUBLIC KEY BLOCK-----/m.test(text)) return 'openpgp';
  if (/^-----BEGIN CERTIFICATE-----/m.test(text)) return 'x509';
  return SIGNER_LINE.test(text) ? 'ssh-signers' : undefined;
}

/** It holds what nobody else should have. */
export function isPrivate(content: Buffer): boolean {
  return /^-----BEGIN (?:PGP |OPENSSH |RSA |EC |ENCRYPTED )?PRIVATE KEY(?: BLOCK)?-----/m.test(
    content.toString('latin1'),
  );
}
