import { WireReader } from './ssh-wire.ts';

/** What a signature of ssh-keygen says about itself (OpenSSH, PROTOCOL.sshsig). */
export interface SshSignature {
  /** As in a file of signers: `ssh-ed25519`. */
  readonly keyType: string;
  readonly key: Buffer;
  readonly namespace: string;
  readonly hash: string;
  /** Of the signature itself: `rsa-sha2-512`. */
  readonly algorithm: string;
  /** Bits of an RSA key. */
  readonly rsaBits: number | undefined;
}

const MAGIC = 'SSHSIG';
const ARMOUR = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)\n-----END SSH SIGNATURE-----\n?$/;

/** The bits of the modulus; a certificate has a nonce before its key. */
function rsaBitsOf(keyType: string, key: Buffer): number | undefined {
  if (!/^ssh-rsa(?:-cert-v01@openssh\.com)?$/.test(keyType)) return undefined;
  const reader = new WireReader(key);
  reader.string();
  if (keyType !== 'ssh-rsa') reader.string();
  reader.string();
  const modulus = reader.string().toString('hex').replace(/^0+/, '');
  return modulus === '' ? 0 : (modulus.length - 1) * 4 + Number.parseInt(modulus.charAt(0), 16).toString(2).length;
}

/** Undefined when it is no such signature. */
export function readSshSignature(armoured: Buffer): SshSignature | undefined {
  const body = ARMOUR.exec(armoured.toString('latin1'))?.[1];
  if (body === undefined) return undefined;
  const bytes = Buffer.from(body, 'base64');
  if (bytes.subarray(0, MAGIC.length).toString('latin1') !== MAGIC) return undefined;
  try {
    const reader = new WireReader(bytes, MAGIC.length);
    if (reader.number() !== 1) return undefined;
    const key = reader.string();
    const namespace = reader.string().toString('utf8');
    reader.string();
    const hash = reader.string().toString('latin1');
    const algorithm = new WireReader(reader.string()).string().toString('latin1');
    if (!reader.isAtEnd) return undefined;
    const keyType = new WireReader(key).string().toString('latin1');
    return { keyType, key, namespace, hash, algorithm, rsaBits: rsaBitsOf(keyType, key) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
