import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { messageOf, systemCode } from '../model/error.ts';
import type { HttpAccess } from '../platform/http-connection.ts';
import { openSocket } from '../platform/open-socket.ts';
import { pinHint, shownPin } from '../platform/pinned-key.ts';
import { loadSecureContext } from '../platform/secure-context.ts';
import { whyUnreadable } from '../platform/unreadable.ts';
import { ok, type Verdict, wrong } from './finding.ts';

const DAY_MS = 86_400_000;
/** A certificate that ends sooner is worth a word. */
const SOON_DAYS = 14;
const LONGEST_CHAIN = 8;

const day = (text: string): string => new Date(text).toISOString().slice(0, 10);

/** The certificate of the server first. */
function chainOf(socket: TLSSocket): DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.subject && chain.length < LONGEST_CHAIN) {
    const current: DetailedPeerCertificate = next;
    chain.push(current);
    next = current.issuerCertificate?.fingerprint256 === current.fingerprint256 ? undefined : current.issuerCertificate;
  }
  return chain;
}

function nameOf({ CN, O }: { readonly CN?: string | string[]; readonly O?: string | string[] }): string {
  return [CN ?? O ?? 'no name'].flat().join(' ');
}

function describe(chain: readonly DetailedPeerCertificate[]): string {
  return chain
    .map(({ subject, valid_from, valid_to }) => `${nameOf(subject)} (${day(valid_from)} to ${day(valid_to)})`)
    .join(' < ');
}

interface Explanation {
  /** OpenSSL's or Node's name of the problem. */
  readonly problem: RegExp;
  readonly reason: (leaf: DetailedPeerCertificate, problem: string) => string;
  /** @param setting how to name a CA file for this server */
  readonly mend: (setting: string) => string;
}

const trust = (setting: string): string => `name the CA that signed it with ${setting}, if it is the right server`;

/** The first that matches is used; the last matches all. */
const EXPLANATIONS: readonly Explanation[] = [
  {
    problem: /HAS_EXPIRED/,
    reason: ({ valid_to }) => `a certificate ended on ${day(valid_to)}`,
    mend: () => 'renew the certificate of the server, or correct the clock of this machine',
  },
  {
    problem: /NOT_YET_VALID/,
    reason: ({ valid_from }) => `the certificate begins on ${day(valid_from)}`,
    mend: () => 'correct the clock of this machine (`date`), or wait',
  },
  {
    problem: /ALTNAME_INVALID/,
    reason: ({ subject, subjectaltname }) =>
      `the certificate is for another host: ${subjectaltname ?? nameOf(subject)}`,
    mend: () => 'use a name that the certificate has in the URL, or give the server a certificate with this name',
  },
  {
    problem: /DEPTH_ZERO_SELF_SIGNED/,
    reason: () => 'the certificate is signed by itself and not trusted here',
    mend: trust,
  },
  {
    problem: /SELF_SIGNED_CERT_IN_CHAIN/,
    reason: () => 'the CA at the end of the chain is not trusted here',
    mend: trust,
  },
  {
    problem: /(?:)/,
    reason: ({ issuer }, problem) => `its issuer ${nameOf(issuer)} is not known here (${problem})`,
    mend: (setting) => `${trust(setting)}; a server that leaves out intermediate certificates has to send them`,
  },
];

/** The file of a TLS setting that cannot be read. */
async function unreadableFile({ caFile, clientCertificate }: HttpAccess): Promise<Verdict | undefined> {
  for (const path of [caFile, clientCertificate?.certFile, clientCertificate?.keyFile]) {
    const reason = path === undefined ? undefined : await whyUnreadable(path);
    if (reason !== undefined)
      return wrong(`cannot read ${path}: ${reason}`, 'mount or correct the file of that setting');
  }
  return undefined;
}

function connectionFailed(error: unknown): Verdict {
  const text = messageOf(error);
  if (/wrong version number|packet length too long|http request/i.test(text))
    return wrong(
      'the server does not speak TLS on this port',
      'write http:// in the URL, or use the port on which it speaks TLS',
    );
  if (/alert/i.test(text))
    return wrong(
      `the server ended the TLS handshake (${/alert[\w ]*/i.exec(text)?.[0] ?? text})`,
      'see its log; it may want a client certificate (http.sslCert) or another TLS version',
    );
  return wrong(
    `no TLS connection: ${systemCode(error) ?? text}`,
    'see whether the port is that of HTTPS: `openssl s_client -connect HOST:PORT`',
  );
}

/**
 * The certificates that a server shows, as the product's own connection judges them.
 * @param setting how to name a CA file for this server
 */
export async function checkCertificates(
  url: URL,
  access: HttpAccess,
  setting: string,
  now: number,
  signal: AbortSignal,
): Promise<Verdict> {
  const unreadable = await unreadableFile(access);
  if (unreadable) return unreadable;
  const secureContext = await loadSecureContext(access).catch((error: unknown) => messageOf(error));
  if (typeof secureContext === 'string')
    return wrong(
      `a certificate or key file cannot be used: ${secureContext}`,
      'write it as PEM, key and certificate of one pair',
    );
  const proxy = access.proxy === undefined ? undefined : new URL(access.proxy);
  let socket: TLSSocket;
  try {
    socket = (await openSocket({ url, proxy, secureContext, signal, verify: false })) as TLSSocket;
  } catch (error) {
    if (signal.aborted) throw error;
    return connectionFailed(error);
  }
  try {
    return judge(socket, url, access, setting, now);
  } finally {
    socket.destroy();
  }
}

/** The key that the server shows, in words; a verdict where it is none of those that are pinned. */
function judgeKey(socket: TLSSocket, url: URL, pins: readonly string[]): string | Verdict {
  const pin = shownPin(socket) ?? 'none';
  if (pins.length === 0) return `key ${pin}`;
  if (pins.includes(pin)) return `key ${pin}, as pinned`;
  const host = `${url.hostname}:${url.port || 443}`;
  return wrong(`the server shows the key ${pin}, and only ${pins.join(' or ')} is accepted`, pinHint(host));
}

function judge(socket: TLSSocket, url: URL, access: HttpAccess, setting: string, now: number): Verdict {
  const chain = chainOf(socket);
  const [leaf] = chain;
  const certificates = `${socket.getProtocol()}, ${describe(chain)}`;
  // Declared as an Error, and in fact mostly the code.
  const problem = socket.authorizationError as Error | string | undefined;
  if (problem && leaf && access.verify) {
    const code = typeof problem === 'string' ? problem : (systemCode(problem) ?? problem.message);
    const expired = chain.find(({ valid_to }) => Date.parse(valid_to) < now) ?? leaf;
    const explained = EXPLANATIONS.find(({ problem: pattern }) => pattern.test(code));
    const reason = explained?.reason(/HAS_EXPIRED/.test(code) ? expired : leaf, code) ?? code;
    return wrong(`${reason}: ${certificates}`, explained?.mend(setting) ?? trust(setting));
  }
  const key = judgeKey(socket, url, access.pins ?? []);
  if (typeof key !== 'string') return key;
  const shown = `${certificates}; ${key}`;
  if (!access.verify) return ok(`${shown}; not checked, since http.sslVerify or GIT_SSL_NO_VERIFY says so`);
  const days = leaf ? Math.floor((Date.parse(leaf.valid_to) - now) / DAY_MS) : SOON_DAYS;
  return ok(days < SOON_DAYS ? `${shown}; it ends in ${days} days` : shown);
}
