import { SidecarError } from '../model/error.ts';
import { redactUrl } from '../platform/redact.ts';

export type Transport = 'http' | 'ssh' | 'git' | 'file' | 'other';

/** A repository URL, taken apart once. */
export interface RemoteUrl {
  readonly transport: Transport;
  /** What git is given: the user's text without the userinfo of http(s) URLs. */
  readonly fetchUrl: string;
  /** What may be shown. */
  readonly shownUrl: string;
  /** http, https: the user name and password that stood in the URL, percent-decoded. */
  readonly userinfo: { readonly username: string; readonly password: string } | undefined;
  /** http, https only: scheme, host and port, without a trailing slash. */
  readonly origin: string | undefined;
  /** Where ssh connects to, for http the host with its port. */
  readonly host: string | undefined;
}

/** `[user@]host:path`, unless a slash comes before the first colon (git-clone, "GIT URLS"). */
const SCP_LIKE = /^(?:([^@/:]+)@)?(\[[^\]]+\]|[^/:@]+):(?!\/\/)(.+)$/;
const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

function invalid(text: string, detail: string, cause?: unknown): SidecarError {
  return new SidecarError('ERR_REMOTE_URL', { op: 'read the repository URL', target: redactUrl(text), detail, cause });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parseHttp(text: string): RemoteUrl {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid(text, 'it is not a valid URL');
  }
  const userinfo =
    url.username || url.password ? { username: decode(url.username), password: decode(url.password) } : undefined;
  const bare = text.replace(/^([a-z]+:\/\/)[^/?#]*@/i, '$1');
  return {
    transport: 'http',
    fetchUrl: bare,
    shownUrl: redactUrl(bare),
    userinfo,
    origin: url.origin,
    host: url.host,
  };
}

/**
 * Understands what git understands: URLs with a scheme, scp-like addresses and paths.
 * Text that git would take for an option or a command (`-…`, `ext::…`) is refused.
 *
 * @throws SidecarError ERR_REMOTE_URL
 */
export function parseRemoteUrl(text: string): RemoteUrl {
  if (text.startsWith('-')) throw invalid(text, 'it starts with a dash');
  if (/^[a-z0-9]+::/i.test(text)) throw invalid(text, 'remote helpers (`name::address`) are not supported');
  if (/[\0\r\n]/.test(text)) throw invalid(text, 'it holds a line break or NUL');
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase();
  if (scheme === 'http' || scheme === 'https') return parseHttp(text);

  const base = { fetchUrl: text, shownUrl: redactUrl(text), userinfo: undefined, origin: undefined };
  if (scheme === 'file') return { ...base, transport: 'file', host: undefined };
  if (scheme !== undefined) {
    const host = /^[^:]+:\/\/(?:[^@/]*@)?([^/]*)/.exec(text)?.[1] ?? '';
    if (host.startsWith('-')) throw invalid(text, 'the host starts with a dash');
    if (['ssh', 'git+ssh', 'ssh+git'].includes(scheme)) return { ...base, transport: 'ssh', host };
    return { ...base, transport: scheme === 'git' ? 'git' : 'other', host };
  }
  const scp = SCP_LIKE.exec(text);
  if (scp) {
    if (scp[2]?.startsWith('-')) throw invalid(text, 'the host starts with a dash');
    return { ...base, transport: 'ssh', host: scp[2] };
  }
  return { ...base, transport: 'file', host: undefined };
}
