import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { execFileSync } from 'node:child_process';
import { createHash, sign as cryptoSign } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { GIT_ENV, type Upstream } from './upstream.ts';

/** Signs bytes; the answer is a signature in its armour. */
export interface TestSigner {
  sign(payload: Buffer): string;
}

const homes: string[] = [];

afterEach(() => {
  for (const home of homes.splice(0))
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'], { stdio: 'ignore' });
});

function call(file: string, args: readonly string[], cwd: string, input?: Buffer): Buffer {
  const env = { PATH: process.env.PATH ?? '', HOME: cwd, LC_ALL: 'C', TZ: 'UTC' };
  return execFileSync(file, [...args], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'], ...(input && { input }) });
}

/** A key of gpg in a home of its own. Times are as gpg's --faked-system-time takes them: `20200101T000000`. */
export class OpenpgpSigner implements TestSigner {
  readonly home: string;
  readonly fingerprint: string;
  /** Options of gpg for each signature. */
  options: readonly string[] = [];

  constructor(directory: string, name: string, { kind = 'ed25519', expire = '0', at = '' } = {}) {
    this.home = join(directory, `gpg-${name}`);
    mkdirSync(this.home, { mode: 0o700 });
    homes.push(this.home);
    if (at !== '') this.options = ['--faked-system-time', `${at}!`];
    this.gpg(['--quick-gen-key', `${name} <${name}@example.com>`, kind, 'sign', expire]);
    const listing = this.gpg(['--with-colons', '--list-keys']).toString();
    this.fingerprint = /^fpr:+([0-9A-F]+):/m.exec(listing)?.[1] ?? '';
  }

  gpg(args: readonly string[], input?: Buffer): Buffer {
    const quiet = ['--homedir', this.home, '--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', ''];
    return call('gpg', [...quiet, ...this.options, ...args], this.home, input);
  }

  /** The public key, in armour. */
  get publicKey(): string {
    return this.gpg(['--armor', '--export']).toString();
  }

  /** The public key with its revocation. */
  get revokedKey(): string {
    const text = readFileSync(join(this.home, 'openpgp-revocs.d', `${this.fingerprint}.rev`), 'utf8');
    this.gpg(['--import'], Buffer.from(text.slice(text.indexOf(':-----BEGIN') + 1)));
    return this.publicKey;
  }

  sign(payload: Buffer, more: readonly string[] = []): string {
    return this.gpg(['--armor', '--detach-sign', ...more], payload).toString();
  }
}

export class SshSigner implements TestSigner {
  readonly key: string;
  readonly directory: string;
  /** Type and key, as in a file of signers. */
  readonly publicKey: string;

  constructor(directory: string, name: string, kind: readonly string[] = ['-t', 'ed25519']) {
    this.directory = directory;
    this.key = join(directory, `ssh-${name}`);
    call('ssh-keygen', ['-q', ...kind, '-N', '', '-C', '', '-f', this.key], directory);
    this.publicKey = readFileSync(`${this.key}.pub`, 'utf8').trim();
  }

  get fingerprint(): string {
    return (
      call('ssh-keygen', ['-l', '-f', `${this.key}.pub`], this.directory)
        .toString()
        .split(' ')[1] ?? ''
    );
  }

  sign(payload: Buffer, namespace = 'git'): string {
    return this.#signWith(this.key, namespace, payload);
  }

  /** Has another key certify this one. @param options of ssh-keygen, such as `-n PRINCIPAL` */
  certify(authority: SshSigner, options: readonly string[]): TestSigner {
    call('ssh-keygen', ['-q', '-s', authority.key, '-I', 'id', ...options, `${this.key}.pub`], this.directory);
    return { sign: (payload) => this.#signWith(`${this.key}-cert.pub`, 'git', payload) };
  }

  /** As an old ssh-keygen signed with an RSA key: with SHA-1. The key has to be of the form PEM. */
  signWithSha1(payload: Buffer): string {
    const part = (value: Buffer | string): Buffer => {
      const [bytes, length] = [Buffer.from(value), Buffer.alloc(4)];
      length.writeUInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    };
    const purpose = [part('git'), part(''), part('sha512')];
    const hash = createHash('sha512').update(payload).digest();
    const signed = Buffer.concat([Buffer.from('SSHSIG'), ...purpose, part(hash)]);
    const signature = cryptoSign('sha1', signed, readFileSync(this.key));
    const version = Buffer.from([0, 0, 0, 1]);
    const key = part(Buffer.from(this.publicKey.split(' ')[1] ?? '', 'base64'));
    const whole = [
      Buffer.from('SSHSIG'),
      version,
      key,
      ...purpose,
      part(Buffer.concat([part('ssh-rsa'), part(signature)])),
    ];
    const lines =
      Buffer.concat(whole)
        .toString('base64')
        .match(/.{1,70}/g) ?? [];
    return `-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`;
  }

  #signWith(key: string, namespace: string, payload: Buffer): string {
    const args = ['-q', '-Y', 'sign', '-n', namespace, '-f', key];
    return call('ssh-keygen', args, this.directory, payload).toString();
  }

  /** A list of revoked keys with this one. */
  get revocations(): Buffer {
    const path = `${this.key}.krl`;
    call('ssh-keygen', ['-q', '-k', '-f', path, `${this.key}.pub`], this.directory);
    return readFileSync(path);
  }
}

/** A CA, and certificates that it issues. */
export class TestAuthority {
  readonly directory: string;
  readonly name: string;
  readonly certificate: string;

  constructor(directory: string, name: string) {
    this.directory = directory;
    this.name = name;
    const subject = ['-subj', `/CN=${name}`, '-days', '30'];
    const uses = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
    const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`];
    const added = uses.flatMap((use) => ['-addext', use]);
    call('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, ...subject, ...added], directory);
    this.certificate = readFileSync(join(directory, `${name}.pem`), 'utf8');
  }

  /** @param dates of openssl-ca(1), for a certificate that is not valid today; `signing` of openssl-cms(1) */
  issue(
    name: string,
    { bits = 2048, dates = [] as readonly string[], signing = [] as readonly string[] } = {},
  ): TestSigner {
    const { directory } = this;
    const run = (...args: readonly string[]) => call('openssl', args, directory);
    run(
      'req',
      '-newkey',
      `rsa:${bits}`,
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
    );
    const extensions = 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n';
    const settings = `[ca]\ndefault_ca=c\n[c]\ndatabase=${name}.db\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n[x]\n${extensions}`;
    writeFileSync(join(directory, `${name}.cnf`), settings);
    writeFileSync(join(directory, `${name}.db`), '');
    const ca = ['-cert', `${this.name}.pem`, '-keyfile', `${this.name}.key`];
    const when = dates.length > 0 ? dates : ['-days', '20'];
    run(
      'ca',
      '-batch',
      '-notext',
      '-config',
      `${name}.cnf`,
      ...ca,
      ...when,
      '-extensions',
      'x',
      '-in',
      `${name}.csr`,
      '-out',
      `${name}.pem`,
    );
    return {
      sign: (payload) => {
        const how = ['-signer', `${name}.pem`, '-inkey', `${name}.key`, '-outform', 'DER', ...signing];
        const der = call('openssl', ['cms', '-sign', '-binary', ...how], directory, payload);
        const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
        return `-----BEGIN SIGNED MESSAGE-----\n${lines.join('\n')}\n-----END SIGNED MESSAGE-----\n`;
      },
    };
  }
}

function gitBytes(cwd: string, args: readonly string[], input?: Buffer): Buffer {
  return execFileSync('git', [...args], {
    cwd,
    env: GIT_ENV,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(input && { input }),
  });
}

/** The commit with a signature in its header, as git writes it. */
export function withSignature(raw: Buffer, signature: string, header = 'gpgsig'): Buffer {
  const at = raw.indexOf('\n\n') + 1;
  const value = signature.replace(/\n$/, '').replaceAll('\n', '\n ');
  return Buffer.concat([raw.subarray(0, at), Buffer.from(`${header} ${value}\n`), raw.subarray(at)]);
}

export function rawObject(upstream: Upstream, oid: string): Buffer {
  const type = upstream.git('cat-file', '-t', oid);
  return gitBytes(upstream.work, ['cat-file', type, oid]);
}

/** Writes the object. @returns its id */
export function writeObject(upstream: Upstream, type: 'commit' | 'tag', content: Buffer): string {
  return gitBytes(upstream.work, ['hash-object', '-t', type, '-w', '--stdin'], content).toString().trim();
}

/** Signs the commit on top of the branch, in its place, and pushes. @returns the new commit */
export function signHead(upstream: Upstream, sign: (payload: Buffer) => string): string {
  const raw = rawObject(upstream, 'HEAD');
  const header = upstream.head().length === 64 ? 'gpgsig-sha256' : 'gpgsig';
  const oid = writeObject(upstream, 'commit', withSignature(raw, sign(raw), header));
  upstream.git('reset', '-q', '--hard', oid);
  upstream.push();
  return oid;
}

/** Makes an annotated tag with a signature and pushes it. @returns the tag object */
export function signedTag(
  upstream: Upstream,
  name: string,
  signer: TestSigner,
  { ref = name, commit = 'HEAD' } = {},
): string {
  const target = upstream.head(commit);
  const who = 'A U Thor <author@example.com> 1700000000 +0000';
  const payload = Buffer.from(`object ${target}\ntype commit\ntag ${name}\ntagger ${who}\n\nrelease ${name}\n`);
  const oid = writeObject(upstream, 'tag', Buffer.concat([payload, Buffer.from(signer.sign(payload))]));
  upstream.git('update-ref', `refs/tags/${ref}`, oid);
  upstream.push(`refs/tags/${ref}`);
  return oid;
}
