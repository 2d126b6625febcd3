import type { Secret } from './secrets.ts';
import type { SyncConfig } from './sync-config.ts';
import type { TraceConfig } from './trace-config.ts';

/** One `--copy`. Both are relative, without `..`; `.` is the whole of it. */
export interface CopyRule {
  readonly source: string;
  readonly target: string;
}

/** An address to listen on or to connect to. */
export interface Address {
  readonly host: string | undefined;
  readonly port: number;
}

export type ReadyCheck =
  | { readonly kind: 'http'; readonly url: string }
  /** On the port of the process itself. */
  | { readonly kind: 'own-http'; readonly path: string }
  | { readonly kind: 'tcp'; readonly port: number }
  | { readonly kind: 'own-tcp' }
  | { readonly kind: 'exec'; readonly command: string }
  | { readonly kind: 'delay'; readonly ms: number };

export type Reload =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'exec'; readonly command: string };

export type RestartPolicy = 'always' | 'on-failure' | 'never';

/** Where files go: a release directory of their own, or mirrored into a directory that exists. */
export type Place =
  | { readonly kind: 'releases'; readonly path: string }
  | { readonly kind: 'into'; readonly directory: string; readonly copies: readonly CopyRule[] };

/** What `run` does, checked. Times are milliseconds, paths absolute. */
export interface RunConfig {
  /** The command and its arguments; undefined: nothing is run, and the directory of `--into` is a mirror. */
  readonly command: readonly [string, ...string[]] | undefined;
  /** The link to follow. */
  readonly link: string;
  /** Sync in this process, with these options; undefined when another process publishes the link. */
  readonly sync: SyncConfig | undefined;
  readonly place: Place;
  readonly build: { readonly command: string; readonly timeoutMs: number } | undefined;
  /** undefined: the default place. */
  readonly stateDir: string | undefined;
  readonly keepReleases: number;
  readonly rollbackExec: string | undefined;
  readonly recheckMs: number;
  readonly readyChecks: readonly ReadyCheck[];
  readonly readyTimeoutMs: number;
  /** How long a new process must live after it became ready; 0: it need not. */
  readonly readyForMs: number;
  readonly stopSignal: NodeJS.Signals;
  readonly stopTimeoutMs: number;
  readonly restart: RestartPolicy;
  /** Lines of what a process wrote last, for the relay; 0: its standard error is not followed. */
  readonly reportOutput: number;
  readonly reload: Reload | undefined;
  readonly listen: Address | undefined;
  readonly portVariable: string;
  readonly drainTimeoutMs: number;
  /** From SIGTERM until the process is stopped. */
  readonly drainDelayMs: number;
  /** Events about this Pod are written. */
  readonly kubernetesEvents: boolean;
  /** undefined: nothing is traced. */
  readonly traces: TraceConfig | undefined;
  readonly http: SyncConfig['http'];
  readonly verbosity: number;
  readonly logFormat: SyncConfig['logFormat'];
  /** What the process and the shell lines inherit. */
  readonly environment: Readonly<Record<string, string>>;
  /** What must never be shown. */
  readonly secrets: readonly Secret[];
  /** A flag, not a variable, holds a secret. */
  readonly secretsOnCommandLine: boolean;
}
