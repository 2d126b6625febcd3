import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes an authority, `NAME.pem` and `NAME.key` in `dir`. */
export function makeAuthority(dir: string, name = 'ca'): void {
  const words = ['req', '-x509', ...EC, '-days', '2', '-subj', `/CN=${name}`];
  execFileSync('openssl', [...words, '-keyout', `${name}.key`, '-out', `${name}.pem`], { cwd: dir, stdio: 'ignore' });
}

/** Makes `NAME.pem` and `NAME.key` for which the authority `ca` of `dir` vouches. @param subject `DNS:…` or `IP:…` */
export function makeCertificate(dir: string, name: string, subject: string): void {
  const openssl = (...words: string[]): Buffer => execFileSync('openssl', words, { cwd: dir, stdio: 'pipe' });
  writeFileSync(join(dir, `${name}.ext`), `subjectAltName=${subject}\n`);
  openssl('req', ...EC, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
  const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`];
  openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.pem`);
}
