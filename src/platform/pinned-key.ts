import { createHash, type X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { SidecarError } from '../model/error.ts';

const FORM = /^sha256\/\/[A-Za-z0-9+/]{43}=$/;

/** `sha256//` and 44 characters of base64: the form of curl's `--pinnedpubkey` and git's `http.pinnedPubkey`. */
export function isPin(text: string): boolean {
  return FORM.test(text);
}

/** The digest of the public key of a certificate (its SubjectPublicKeyInfo in DER), in the form of {@link isPin}. */
export function pinOf(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return `sha256//${createHash('sha256').update(key).digest('base64')}`;
}

/** The key that the server of a TLS connection has shown; undefined when it showed no certificate. */
export function shownPin(socket: TLSSocket): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  return certificate && pinOf(certificate);
}

/** What to do about a host with another key, with the command that prints what it shows. @param host with its port */
export function pinHint(host: string): string {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  const server = /^[\d.]+$|:/.test(name) ? '' : ` -servername ${name}`;
  const print = `openssl s_client -connect ${host}${server} </dev/null | openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`;
  return `Ask the owner of the host whether its key was replaced. If so, give the new one with \`--tls-pin\`, beside the old one while both are in use; otherwise another machine may be pretending to be this host. This prints the key behind \`sha256//\`: \`${print}\``;
}

/** The typed error for a server that shows none of the keys that it may have. @param host with its port */
function pinMismatch(host: string, shown: string | undefined, pins: readonly string[]): SidecarError {
  const key = shown === undefined ? 'no certificate' : `the key ${shown}`;
  return new SidecarError('ERR_REMOTE_TLS_PIN', {
    op: 'check the key of',
    target: host,
    detail: `it shows ${key}, and only ${pins.join(' or ')} is accepted`,
    hint: pinHint(host),
  });
}

/**
 * Calls `refuse` as soon as the handshake shows another key than those. Nothing of a request is on its way then, since
 * Node writes after the handshake, and it runs its listeners first.
 */
export function requirePin(
  socket: TLSSocket,
  host: string,
  pins: readonly string[],
  refuse: (error: SidecarError) => void,
): void {
  const check = (): void => {
    const shown = shownPin(socket);
    if (shown === undefined || !pins.includes(shown)) refuse(pinMismatch(host, shown, pins));
  };
  // Node sets it while the handshake goes on.
  if ((socket as { readonly secureConnecting?: boolean }).secureConnecting) socket.once('secureConnect', check);
  else check();
}
