import type { UrlSigner } from '../../model/credential.ts';
import type { Clock } from '../../platform/clock.ts';
import type { HttpClient } from '../../platform/http-client.ts';

/** What a party gave: what a git server accepts as user name and password, for a time. */
export interface Obtained {
  readonly username: string;
  readonly password: string;
  /** An HTTP authentication scheme whose credential `password` is; undefined: Basic. */
  readonly scheme?: string;
  /** Milliseconds since the epoch; undefined: nobody said how long it is valid. */
  readonly expiresAt?: number;
  /** The password is made anew for each URL. */
  readonly signer?: UrlSigner;
}

/** A way to prove to git servers who we are, without a secret that somebody keeps for long. */
export interface Identity {
  /** As a label of metrics and in log lines. */
  readonly name: string;
  /**
   * Asks the party for something new.
   * @throws PartyFailure, or SidecarError ERR_REMOTE_CREDENTIAL_SOURCE for what is wrong on this side
   */
  obtain(signal: AbortSignal): Promise<Obtained>;
  /** The git server accepted it; called once for each. */
  accepted?(obtained: Obtained, signal: AbortSignal): Promise<void>;
  /** The git server refused it. */
  refused?(obtained: Obtained, signal: AbortSignal): Promise<void>;
}

/** What identities work with. */
export interface IdentityTools {
  readonly http: HttpClient;
  /** The same without a proxy: for metadata services, which belong to this machine. */
  readonly direct: HttpClient;
  readonly clock: Clock;
  /** Hides a secret from everything that is shown; called before the secret is used. */
  readonly learn: (secret: string) => void;
}
