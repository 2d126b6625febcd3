/** A user name and a password (or token) for every URL that begins with `url`. */
export interface Credential {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** An HTTP authentication scheme, such as Bearer, whose credential `password` is; undefined: Basic. */
  readonly scheme?: string;
  /** User name and password are made anew for each repository; those above are not used. */
  readonly signer?: UrlSigner;
}

/** Makes a password that fits one URL only. */
export interface UrlSigner {
  /** @param url of a repository */
  sign(url: string): { readonly username: string; readonly password: string };
  /** The same for git: a credential helper as a line of shell, and the variables that it reads. */
  readonly line: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** What git's HTTP protocol adds to the URL of a repository (gitprotocol-http). */
const SERVICE = /\/(?:info\/refs(?:\?.*)?|git-upload-pack)$/;

interface UrlParts {
  readonly origin: string;
  readonly path: string;
}

function partsOf(url: string): UrlParts {
  const found = /^([a-z][a-z0-9+.-]*:\/\/)(?:[^@/]*@)?([^/?#]*)(?:\/+([^?#]*))?/i.exec(url);
  return {
    origin: `${found?.[1] ?? ''}${found?.[2] ?? ''}`.toLowerCase(),
    path: (found?.[3] ?? '').replace(/\/+$/, ''),
  };
}

/** Scheme, host and port of a credential's URL. */
export function credentialOrigin(credential: Pick<Credential, 'url'>): string {
  return partsOf(credential.url).origin;
}

/**
 * Most specific first, and of equally specific ones the one given last: the order in which git and the native poll try them.
 */
export function byPrecedence(credentials: readonly Credential[]): Credential[] {
  return [...credentials].reverse().sort((a, b) => partsOf(b.url).path.length - partsOf(a.url).path.length);
}

/** The credential for `url`: the longest matching path on its host, else any of its host; undefined for a strange host. */
export function credentialFor(url: string, credentials: readonly Credential[]): Credential | undefined {
  const wanted = partsOf(url);
  const onHost = byPrecedence(credentials).filter((credential) => credentialOrigin(credential) === wanted.origin);
  const covers = (path: string): boolean => path === '' || wanted.path === path || wanted.path.startsWith(`${path}/`);
  const found = onHost.find((credential) => covers(partsOf(credential.url).path)) ?? onHost.at(0);
  return found?.signer ? { ...found, ...found.signer.sign(url.replace(SERVICE, '')) } : found;
}
