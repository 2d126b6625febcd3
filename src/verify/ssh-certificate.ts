import { WireReader } from './ssh-wire.ts';

/** What matters of a certificate of OpenSSH (PROTOCOL.certkeys). */
export interface SshCertificate {
  /** The key that it is about, as it is without a certificate. */
  readonly key: Buffer;
  /** Seconds of Unix time; it is valid from the first up to the second, which is not included. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
}

const SUFFIX = '-cert-v01@openssh.com';
/** How many strings the key itself has, behind its type. */
const FIELDS: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ssh-rsa': 2,
  'ssh-dss': 4,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
  'sk-ssh-ed25519': 2,
  'sk-ecdsa-sha2-nistp256': 3,
};

function lengthPrefixed(value: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, value]);
}

/** Undefined when the key comes without a certificate, or with one that cannot be read. */
export function readSshCertificate(blob: Buffer): SshCertificate | undefined {
  try {
    const reader = new WireReader(blob);
    const type = reader.string().toString('latin1');
    const plain = type.endsWith(SUFFIX) ? type.slice(0, -SUFFIX.length) : '';
    const count = FIELDS[plain];
    if (count === undefined) return undefined;
    // A nonce.
    reader.string();
    const name = plain.startsWith('sk-') ? `${plain}@openssh.com` : plain;
    const fields = [Buffer.from(name), ...Array.from({ length: count }, () => reader.string())];
    // Serial number, kind, name and principals.
    reader.long();
    reader.number();
    reader.string();
    reader.string();
    return {
      key: Buffer.concat(fields.map(lengthPrefixed)),
      validAfter: reader.long(),
      validBefore: reader.long(),
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
