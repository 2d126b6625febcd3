import type { GitAccess } from '../remote/git-access.ts';
import type { RolloutFile } from './rollout-file.ts';
import type { Secret } from './secrets.ts';
import type { HttpConfig, NatsConfig, RelayClientConfig, VerifyConfig } from './sync-config.ts';
import type { TraceConfig } from './trace-config.ts';

/** What `relay` does, checked. Times are milliseconds, sizes bytes, paths absolute. */
export interface RelayConfig extends GitAccess {
  readonly root: string;
  readonly http: HttpConfig;
  /** Patterns, as given. */
  readonly allow: readonly string[];
  readonly follow: readonly string[];
  readonly periodMs: number;
  readonly idleMs: number;
  readonly requestsPerHost: number;
  readonly accessFile: string | undefined;
  readonly tls:
    | { readonly certFile: string; readonly keyFile: string; readonly clientCaFile: string | undefined }
    | undefined;
  /** Events about this Pod are written. */
  readonly kubernetesEvents: boolean;
  /** undefined: nothing is traced. */
  readonly traces: TraceConfig | undefined;
  /** The file of rollout policies. */
  readonly rollouts: string | undefined;
  /** In place of it: what a document holds itself. */
  readonly policies: RolloutFile | undefined;
  /** With NATS: relays of the same group decide as one. It may stand in a subject of NATS. */
  readonly rolloutsGroup: string;
  /** By which `decider` of the policies may name this relay; undefined: the host's name. */
  readonly relayName: string | undefined;
  readonly staggerMs: number;
  readonly maxRepositories: number;
  readonly maxSubscribers: number;
  readonly maxRequestsPerSecond: number;
  /** Bytes a second; 0: no limit. */
  readonly maxTraffic: number;
  /** 0: no limit. */
  readonly maxConnectionsPerAddress: number;
  readonly maxDiskBytes: number;
  readonly cacheBytes: number;
  /** A relay nearer to the git servers; undefined: they are asked themselves. */
  readonly parent: RelayClientConfig | undefined;
  readonly nats: NatsConfig | undefined;
  /** Which tips are passed on; undefined: all. */
  readonly verify: VerifyConfig | undefined;
  readonly verbosity: number;
  readonly logFormat: 'auto' | 'json' | 'text';
  /** What must never be shown. */
  readonly secrets: readonly Secret[];
  /** A flag, not a variable, holds a secret. */
  readonly secretsOnCommandLine: boolean;
}
