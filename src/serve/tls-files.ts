import { readFile, stat } from 'node:fs/promises';
import type { SecureContextOptions } from 'node:tls';

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** CA certificates that client certificates are checked against; undefined: none are asked for. */
  readonly clientCaFile: string | undefined;
}

export async function readTlsFiles({ certFile, keyFile, clientCaFile }: TlsFiles): Promise<SecureContextOptions> {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  return { cert, key, ...(clientCaFile !== undefined && { ca: await readFile(clientCaFile) }) };
}

/** Changes whenever one of the files does. */
export async function stampOfTlsFiles({ certFile, keyFile, clientCaFile }: TlsFiles): Promise<string> {
  const files = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
  return (await Promise.all(files.map(async (path) => String((await stat(path)).mtimeMs)))).join(' ');
}
