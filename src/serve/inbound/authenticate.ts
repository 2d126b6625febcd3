import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Provider } from './payload.ts';

export type Authenticated =
  | { readonly kind: 'push'; readonly provider: Provider }
  /** Genuine, but about something else: a test of the hook, another event. */
  | { readonly kind: 'other'; readonly provider: Provider }
  | { readonly kind: 'refused' };

/** True when both are the same; takes the same time whatever they are. */
export function isSameSecret(given: string | undefined, expected: string): boolean {
  if (given === undefined) return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function hasSignature(header: string | undefined, body: Buffer, secret: string): boolean {
  const hex = createHmac('sha256', secret).update(body).digest('hex');
  return isSameSecret(header?.replace(/^sha256=/, '').toLowerCase(), hex);
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

/**
 * Finds out whose notification this is and whether whoever sent it knows the secret: by a signature of the body (GitHub,
 * Gitea, Forgejo, Bitbucket, generic: HMAC-SHA256), by a token (GitLab) or by a password (Azure DevOps), as each
 * provider's documentation says.
 */
export function authenticate(headers: IncomingHttpHeaders, body: Buffer, secret: string): Authenticated {
  const text = (name: string): string | undefined => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const verdict = (genuine: boolean, provider: Provider, event?: string): Authenticated => {
    if (!genuine) return { kind: 'refused' };
    const pattern = PUSH_EVENTS[provider];
    return { kind: !pattern || pattern.test(event ?? '') ? 'push' : 'other', provider };
  };
  // Gitea and Forgejo send GitHub's headers as well.
  const gitea = text('x-gitea-event') ?? text('x-forgejo-event');
  const giteaSignature = text('x-gitea-signature') ?? text('x-forgejo-signature');
  if (gitea !== undefined) return verdict(hasSignature(giteaSignature, body, secret), 'gitea', gitea);
  const github = text('x-github-event');
  if (github !== undefined) return verdict(hasSignature(text('x-hub-signature-256'), body, secret), 'github', github);
  const gitlab = text('x-gitlab-event');
  if (gitlab !== undefined) return verdict(isSameSecret(text('x-gitlab-token'), secret), 'gitlab', gitlab);
  const bitbucket = text('x-event-key');
  if (bitbucket !== undefined) {
    const provider = /^(?:repo:refs_changed|diagnostics:ping)$/.test(bitbucket) ? 'bitbucket-server' : 'bitbucket';
    return verdict(hasSignature(text('x-hub-signature'), body, secret), provider, bitbucket);
  }
  const password = basicPassword(text('authorization'));
  if (password !== undefined) return verdict(isSameSecret(password, secret), 'azure');
  return verdict(hasSignature(text('x-hub-signature-256') ?? text('x-signature-256'), body, secret), 'generic');
}
