import type { GitSetting } from '../git/config-file.ts';
import type { AskedHostKeys } from '../git/ssh-command.ts';
import type { IdentityConfig } from './identity/identity-config.ts';

/** Who may read what: one entry of `--credential`. Exactly one of password and passwordFile is set. */
export interface CredentialSpec {
  readonly url: string;
  readonly username: string;
  readonly password?: string;
  readonly passwordFile?: string;
}

export interface GitHubAppConfig {
  readonly baseUrl: string;
  /** Application id or client id: the `iss` of the token request. */
  readonly issuer: string;
  readonly installationId: number;
  readonly privateKey: string | undefined;
  readonly privateKeyFile: string | undefined;
}

export interface SshConfig {
  readonly keyFiles: readonly string[];
  /** Certificates that do not lie beside their keys. */
  readonly certificateFiles: readonly string[];
  /** The socket of an agent; undefined: the one of SSH_AUTH_SOCK, if ssh finds one. */
  readonly agent: string | undefined;
  /** `default`: v3 without --ssh. */
  readonly hostKeys: AskedHostKeys;
  /** The user's own GIT_SSH_COMMAND. */
  readonly command: string | undefined;
}

/** Credential helpers of git. */
export interface CredentialHelpers {
  /** In git's spelling, in the order in which they are asked. */
  readonly lines: readonly string[];
  /** The user that they are asked for; empty: they choose one. */
  readonly username: string;
}

/** What proves to a git server who we are, or where that comes from. It can hold secrets. */
export interface Credentials {
  readonly credentials: readonly CredentialSpec[];
  /** What `askpassUrl`, `githubApp`, `identity` and `credentialHelpers` are for. */
  readonly credentialUrls: readonly string[];
  readonly askpassUrl: string | undefined;
  readonly githubApp: GitHubAppConfig | undefined;
  readonly identity: IdentityConfig | undefined;
  readonly credentialHelpers: CredentialHelpers | undefined;
  readonly cookieFile: string | undefined;
}

/** The credentials of `access` alone: two that are the same are the same user to a git server. */
export function credentialsOf(access: Credentials): Credentials {
  const { credentials, credentialUrls, askpassUrl, githubApp, identity, credentialHelpers, cookieFile } = access;
  // The type has every property of the interface, so that none is forgotten here.
  const all: Required<Credentials> = {
    credentials,
    credentialUrls,
    askpassUrl,
    githubApp,
    identity,
    credentialHelpers,
    cookieFile,
  };
  return all;
}

/** How git servers are talked to: the same for sync and relay. */
export interface GitAccess extends Credentials {
  readonly ssh: SshConfig;
  readonly git: string;
  readonly gitConfig: readonly GitSetting[];
  readonly gitConfigAdd: readonly GitSetting[];
  /** What hooks inherit, and where programs, proxies and the home directory are looked up. */
  readonly environment: Readonly<Record<string, string>>;
  /** What git inherits: no secrets of ours, since it gets credentials in another way. */
  readonly gitEnvironment: Readonly<Record<string, string>>;
}
