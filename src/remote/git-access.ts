import type { GitSetting } from '../git/config-file.ts';
import type { AskedHostKeys } from '../git/ssh-command.ts';

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

/** How git servers are talked to: the same for sync and relay. */
export interface GitAccess {
  readonly credentials: readonly CredentialSpec[];
  /** What `askpassUrl` and `githubApp` are for. */
  readonly credentialUrls: readonly string[];
  readonly askpassUrl: string | undefined;
  readonly githubApp: GitHubAppConfig | undefined;
  readonly cookieFile: string | undefined;
  readonly ssh: SshConfig;
  readonly git: string;
  readonly gitConfig: readonly GitSetting[];
  readonly gitConfigAdd: readonly GitSetting[];
  /** What hooks inherit, and where programs, proxies and the home directory are looked up. */
  readonly environment: Readonly<Record<string, string>>;
  /** What git inherits: no secrets of ours, since it gets credentials in another way. */
  readonly gitEnvironment: Readonly<Record<string, string>>;
}
