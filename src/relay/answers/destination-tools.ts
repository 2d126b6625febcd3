import type { Clock } from '../../platform/clock.ts';
import type { HttpClient } from '../../platform/http-client.ts';
import type { SenderOptions } from './sender.ts';

export interface AppTokens {
  /** One that is valid. */
  readonly token: (signal: AbortSignal) => Promise<string>;
  /** It was not taken. @returns whether another one may be */
  readonly refused: () => boolean;
}

/** What destinations are made with. */
export interface DestinationTools {
  readonly http: HttpClient;
  readonly clock: Clock;
  /** Hides a secret from everything that is shown. */
  readonly learn: (secret: string) => void;
  /** The relay's GitHub App; undefined: it has none. */
  readonly githubApp: AppTokens | undefined;
  /** @param kind for metrics @param name as people call it */
  readonly senderOptions: (
    kind: string,
    name: string,
  ) => Pick<SenderOptions<unknown>, 'name' | 'clock' | 'random' | 'log' | 'onResult' | 'onProgress'>;
}
