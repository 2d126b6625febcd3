import type { Clock } from '../../platform/clock.ts';
import type { HttpClient } from '../../platform/http-client.ts';
import type { SenderOptions } from './sender.ts';

/** What destinations are made with. */
export interface DestinationTools {
  readonly http: HttpClient;
  readonly clock: Clock;
  /** Hides a secret from everything that is shown. */
  readonly learn: (secret: string) => void;
  /** A token of the relay's GitHub App; undefined: it has none. */
  readonly githubToken: ((signal: AbortSignal) => Promise<string>) | undefined;
  /** @param kind for metrics @param name as people call it */
  readonly senderOptions: (
    kind: string,
    name: string,
  ) => Pick<SenderOptions<unknown>, 'name' | 'clock' | 'random' | 'log' | 'onResult' | 'onProgress'>;
}
