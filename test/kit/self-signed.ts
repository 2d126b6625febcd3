import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from './temp.ts';

export interface SelfSigned {
  readonly key: string;
  readonly cert: string;
  readonly certFile: string;
}

/** A key and a certificate for 127.0.0.1 that nobody vouches for. */
export function selfSigned(): SelfSigned {
  const dir = tempDir();
  const [key, cert] = [join(dir, 'key'), join(dir, 'cert')];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...names], {
    stdio: 'ignore',
  });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8'), certFile: cert };
}
