import { readFile } from 'node:fs/promises';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';

/** Which authorities may vouch for an HTTPS server, and which certificate we show. */
export interface TlsAccess {
  readonly verify: boolean;
  /** undefined: the system's. */
  readonly caFile: string | undefined;
  readonly clientCertificate: { readonly certFile: string; readonly keyFile: string } | undefined;
  /**
   * Runs what makes a context while OpenSSL's default certificates are nowhere. Node makes its default store when the
   * first context gets certificates of its own, though that does not use it: 140 certificates, 45 ms and 1 MB. To be
   * left out where something in this process trusts by Node's defaults.
   */
  readonly withoutDefaults?: (<T>(create: () => T) => T) | undefined;
}

/** Where Linux systems keep the CA certificates that git trusts. */
const SYSTEM_CA_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

async function readAuthorities(caFile: string | undefined): Promise<string | readonly string[]> {
  if (caFile !== undefined) return await readFile(caFile, 'utf8');
  for (const path of SYSTEM_CA_FILES) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text) return text;
  }
  return rootCertificates;
}

/** Parsed once: for each connection it would be slow. @throws the system's error when a file cannot be read */
export async function loadSecureContext(access: TlsAccess): Promise<SecureContext> {
  const { clientCertificate, verify, caFile, withoutDefaults } = access;
  const certificate = clientCertificate && {
    cert: await readFile(clientCertificate.certFile),
    key: await readFile(clientCertificate.keyFile),
  };
  const ca = verify ? await readAuthorities(caFile) : undefined;
  const create = (): SecureContext =>
    createSecureContext({ ...certificate, ...(ca !== undefined && { ca: ca as string }) });
  return withoutDefaults ? withoutDefaults(create) : create();
}
