import type { InstanceLabels } from '../model/instance-label.ts';
import type { Oid } from '../model/oid.ts';
import type { GitAccess } from '../remote/git-access.ts';
import type { RemoteUrl } from '../remote/url.ts';
import type { CompatMode } from './option.ts';
import type { Secret } from './secrets.ts';
import type { TraceConfig } from './trace-config.ts';

/** Which commit is wanted. */
export type Target =
  /** The first of these full ref names that the remote has. */
  | { readonly kind: 'ref'; readonly requested: string; readonly candidates: readonly string[] }
  /** This very commit; once published there is nothing to poll. */
  | { readonly kind: 'oid'; readonly requested: string; readonly oid: Oid }
  /** v3: an abbreviated object id, or a tag, looked up in the history of a branch. */
  | { readonly kind: 'abbreviated'; readonly requested: string; readonly candidates: readonly string[] }
  | NewestTarget;

export type RefOrder = 'version' | 'name' | 'committed';

/** The newest of the refs that match. At least one of `pattern` and `semver` is there. */
export interface NewestTarget {
  readonly kind: 'newest';
  readonly requested: string;
  /** A glob over full names, when it begins with `refs/`, else over short names of branches and tags; undefined: all tags. */
  readonly pattern: string | undefined;
  /** A range as npm writes it. */
  readonly semver: string | undefined;
  readonly order: RefOrder;
}

export interface ExechookConfig {
  readonly command: string;
  readonly args: readonly string[];
  /** It gets what is known about the publish: as variables, and as JSON on its standard input. */
  readonly details: boolean;
  readonly timeoutMs: number;
  readonly backoffMs: number;
}

export interface WebhookConfig {
  readonly url: string;
  readonly method: string;
  /** undefined: any status is success. */
  readonly successStatus: number | undefined;
  readonly timeoutMs: number;
  readonly backoffMs: number;
  /** 3.1.1 sends no `Gitsync-Hash`. */
  readonly sendHash: boolean;
  /** `git-sync`: an empty body. */
  readonly format: 'git-sync' | 'cloudevents';
}

export interface ProcessSignalConfig {
  readonly signal: NodeJS.Signals;
  readonly target: { readonly kind: 'name' | 'pidfile'; readonly value: string };
  readonly backoffMs: number;
}

export interface HttpConfig {
  readonly host: string | undefined;
  readonly port: number;
  readonly metrics: boolean;
  readonly profiles: boolean;
  /** Holds the bearer token with which profiles are served elsewhere; undefined: only to this machine. */
  readonly profilesTokenFile: string | undefined;
  /** 0: off. */
  readonly maxStalenessMs: number;
  /** Holds the secret of `POST /push`; undefined: there is none. */
  readonly pushSecretFile: string | undefined;
  /** Holds the bearer token of `POST /sync`; undefined: there is none. */
  readonly syncTokenFile: string | undefined;
}

export type SubmoduleMode = 'recursive' | 'shallow' | 'off';
export type PathMissing = 'error' | 'keep' | 'empty';
export type SpareMode = 'auto' | 'always' | 'never';
export type GcMode = 'always' | 'auto' | 'aggressive' | 'off';

/** A relay as its subscribers use it. */
export interface RelayClientConfig {
  /** Without a trailing slash. */
  readonly url: string;
  readonly tokenFile: string | undefined;
  /** Ask the git server while the relay is unreachable. */
  readonly fallback: boolean;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** So many failed attempts of the exechook in a row are reported as a failure of the revision; 0: none are. */
  readonly exechookFailures: number;
  /** undefined: the host's name. */
  readonly instance: string | undefined;
  /** By name; the relay's policies select instances by them. */
  readonly labels: InstanceLabels;
}

export interface NatsConfig {
  /** Without credentials. */
  readonly servers: readonly string[];
  readonly user: { readonly name: string; readonly password: string } | undefined;
  readonly credentialsFile: string | undefined;
  readonly caFile: string | undefined;
}

export interface IntoConfig {
  /** Absolute. */
  readonly directory: string;
  /** Absolute, or relative to the directory; undefined: there is none. */
  readonly revisionFile: string | undefined;
}

export interface StoreConfig {
  readonly directory: string;
  /** The name of the sync in its document. */
  readonly unit: string;
}

/** Syncs of one document whose revisions become visible together. */
export interface GroupConfig {
  readonly name: string;
  /** The name of this sync. */
  readonly unit: string;
  /** Names of all, in the order of the document. */
  readonly members: readonly string[];
  /** Where what is being shown is noted; `path` is inside `root`. */
  readonly journal: { readonly root: string; readonly path: string };
}

/** Who may sign for the refs that a pattern matches. */
export interface SignersRule {
  /** A glob over full names, or one name. */
  readonly pattern: string;
  /** Fingerprints, principals, subjects; `*`: everybody whose key is known. */
  readonly names: readonly string[];
}

/** What has to be true of a revision before it is published; made from the options. */
export interface VerifyConfig {
  /** The commit has to be signed. */
  readonly commit: boolean;
  /** The ref has to be an annotated tag, and signed. */
  readonly tag: boolean;
  /** Files and directories with keys. */
  readonly keys: readonly string[];
  readonly signers: readonly SignersRule[];
  /** This one commit needs no signature, and no commit that it comes from is looked at. */
  readonly since: Oid | undefined;
  /** Every commit that is new, not only the last one. */
  readonly range: boolean;
  readonly submodules: boolean;
  /** A new commit has to come from the one before it. */
  readonly fastForwardOnly: boolean;
  /** Once this commit may be one that does not. */
  readonly allowRewind: Oid | undefined;
}

/** The whole configuration of `sync`, checked. Times are milliseconds, paths absolute. */
export interface SyncConfig extends GitAccess {
  readonly mode: CompatMode;
  readonly remote: RemoteUrl;
  readonly target: Target;
  readonly depth: number;
  readonly filter: string;
  readonly submodules: SubmoduleMode;
  /** The sub-directory that is published, without slashes at its ends; undefined: all of the commit. */
  readonly path: string | undefined;
  /** What to do when a commit does not have it. */
  readonly pathMissing: PathMissing;
  /** Patterns; with none of them the file is read. */
  readonly sparseCheckout: readonly string[];
  readonly sparseCheckoutFile: string | undefined;
  readonly lfs: boolean;
  /** What is published is on the disk before. */
  readonly durable: boolean;
  readonly root: string;
  /** Where the repository and the worktrees are: `root`, unless `--state-dir` names another place. */
  readonly stateDir: string;
  readonly link: string;
  /** A directory that is kept like what the link shows; undefined: there is none. */
  readonly into: IntoConfig | undefined;
  readonly errorFile: string | undefined;
  readonly touchFile: string | undefined;
  readonly umask: number | undefined;
  /** Octal bits for `chmod -R`, v3 only. */
  readonly permissions: number | undefined;
  readonly staleWorktreeTimeoutMs: number;
  /** Whether a stale worktree is kept for the next update. */
  readonly spare: SpareMode;
  readonly moveAside: boolean;
  readonly periodMs: number;
  readonly initPeriodMs: number;
  readonly syncTimeoutMs: number;
  readonly verifyPeriodMs: number;
  readonly oneTime: boolean;
  readonly syncOnSignal: NodeJS.Signals | undefined;
  /** Failures in a row after which to exit; undefined: never. */
  readonly maxFailures: number | undefined;
  readonly initMaxFailures: number | undefined;
  readonly exechook: ExechookConfig | undefined;
  readonly prePublishHook: ExechookConfig | undefined;
  /** Events about this Pod are written. */
  readonly kubernetesEvents: boolean;
  /** undefined: nothing is traced. */
  readonly traces: TraceConfig | undefined;
  readonly webhook: WebhookConfig | undefined;
  readonly processSignal: ProcessSignalConfig | undefined;
  /** undefined: nothing has to be verified. */
  readonly verify: VerifyConfig | undefined;
  /** undefined: the git server itself is asked. */
  readonly relay: RelayClientConfig | undefined;
  readonly nats: NatsConfig | undefined;
  readonly gitGc: GcMode;
  /** Where objects are shared with other syncs of a document; undefined: they are not. */
  readonly store: StoreConfig | undefined;
  /** undefined: it publishes by itself. */
  readonly group: GroupConfig | undefined;
  readonly http: HttpConfig | undefined;
  readonly addUser: boolean;
  readonly verbosity: number;
  /** What must never be shown. */
  readonly secrets: readonly Secret[];
  /** A flag, not a variable, holds a secret. */
  readonly secretsOnCommandLine: boolean;
  readonly logFormat: 'auto' | 'json' | 'text';
}
