import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Provider } from './payload.ts';

/** What the headers of a notification say about its sender. */
export interface Sender {
  readonly provider: Provider;
  /** A ref was moved. */
  readonly isPush: boolean;
  /** The provider tries out whether the hook works, and shows the answer to a person. */
  readonly isTest: boolean;
  /** What it shows of the secret: the secret itself, or an HMAC-SHA256 of the body in hexadecimal digits. */
  readonly proof: { readonly kind: 'secret' | 'signature'; readonly value: string };
}

/** True when both are the same; takes the same time whatever they are. */
export function isSameSecret(given: string | undefined, expected: string): boolean {
  if (given === undefined) return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** The password of an `Authorization: Basic` header (RFC 7617). */
function basicPassword(header: string | undefined): string | undefined {
  const encoded = /^Basic\s+(\S+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, 'base64').toString();
  const colon = pair.indexOf(':');
  return colon < 0 ? undefined : pair.slice(colon + 1);
}

const PUSH_EVENTS: Readonly<Partial<Record<Provider, RegExp>>> = {
  github: /^(?:push|create)$/,
  gitea: /^(?:push|create)$/,
  gitlab: /^(?:Push|Tag Push|System) Hook$/,
  bitbucket: /^repo:push$/,
  'bitbucket-server': /^repo:refs_changed$/,
};

const TEST_EVENT = /^(?:ping|diagnostics:ping)$/;
const SIGNATURE = /^(?:sha256=)?([0-9a-f]{64})$/i;

/**
 * Finds out whose notification this is, and what it shows of the secret: a signature of the body (GitHub, Gitea,
 * Forgejo, Bitbucket, generic), a token (GitLab) or a password (Azure DevOps), as each provider's documentation says.
 * @returns undefined when it shows nothing: then its body need not be read
 */
export function senderOf(headers: IncomingHttpHeaders): Sender | undefined {
  const text = (name: string): string | undefined => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const sender = (provider: Provider, proof: Sender['proof'] | undefined, event = ''): Sender | undefined => {
    const isPush = PUSH_EVENTS[provider]?.test(event) ?? true;
    return proof && { provider, isPush, isTest: TEST_EVENT.test(event), proof };
  };
  const signature = (...names: readonly string[]): Sender['proof'] | undefined => {
    const value = SIGNATURE.exec(names.map(text).find((each) => each !== undefined) ?? '')?.[1];
    return value === undefined ? undefined : { kind: 'signature', value: value.toLowerCase() };
  };
  const secret = (value: string | undefined): Sender['proof'] | undefined =>
    value === undefined ? undefined : { kind: 'secret', value };
  // Gitea and Forgejo send GitHub's headers as well.
  const gitea = text('x-gitea-event') ?? text('x-forgejo-event');
  if (gitea !== undefined) return sender('gitea', signature('x-gitea-signature', 'x-forgejo-signature'), gitea);
  const github = text('x-github-event');
  if (github !== undefined) return sender('github', signature('x-hub-signature-256'), github);
  const gitlab = text('x-gitlab-event');
  if (gitlab !== undefined) return sender('gitlab', secret(text('x-gitlab-token')), gitlab);
  const bitbucket = text('x-event-key');
  if (bitbucket !== undefined) {
    const provider = /^(?:repo:refs_changed|diagnostics:ping)$/.test(bitbucket) ? 'bitbucket-server' : 'bitbucket';
    return sender(provider, signature('x-hub-signature'), bitbucket);
  }
  const password = basicPassword(text('authorization'));
  if (password !== undefined) return sender('azure', secret(password));
  return sender('generic', signature('x-hub-signature-256', 'x-signature-256'));
}

/** Whether the sender knows the secret. @param body not needed where the secret itself is shown */
export function isGenuine({ proof }: Sender, secret: string, body: Buffer = Buffer.alloc(0)): boolean {
  if (proof.kind === 'secret') return isSameSecret(proof.value, secret);
  return isSameSecret(proof.value, createHmac('sha256', secret).update(body).digest('hex'));
}
