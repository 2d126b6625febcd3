/** What can happen to a rollout, as its journal names it. */
export const EVENT_NAMES = [
  ...(['first', 'started', 'queued', 'refused', 'replaced', 'opened', 'skipped', 'failed', 'soaking'] as const),
  ...(['halted', 'reverting', 'completed', 'frozen', 'thawed', 'paused', 'resumed', 'promoted', 'aborted'] as const),
  ...(['reverted', 'pinned', 'unpinned', 'policy'] as const),
] as const;

export type EventName = (typeof EVENT_NAMES)[number];

/** Which rollouts an entry is about: what is given has to hold together; undefined: all. */
export interface Audience {
  /** As in a policy. */
  readonly repository: string | undefined;
  readonly refs: readonly string[] | undefined;
  /** Names of policies. */
  readonly policies: readonly string[] | undefined;
}

/** Placeholders in texts, and what they stand for. */
export const PLACEHOLDERS = {
  id: 'an id of the event, the same for each attempt',
  event: 'what happened, one of the events',
  text: 'what happened, as a sentence',
  repository: 'the repository, `git.example.com/team/web.git`',
  host: 'its host, `git.example.com`',
  path: 'its path without `.git`, `team/web`',
  ref: 'the full name of the ref, `refs/heads/main`',
  branch: 'its short name, `main`',
  commit: 'the object id',
  short: 'its first 8 digits',
  policy: 'the name of the policy',
  stage: 'the name of the stage',
  who: 'who gave the order',
  why: 'the reason',
  time: 'when it happened, as RFC 3339 has it',
  page: 'the address of `page-url`',
} as const;

export type Placeholder = keyof typeof PLACEHOLDERS;

export const FORGES = [
  'github',
  'gitlab',
  'gitea',
  'bitbucket-cloud',
  'bitbucket-data-center',
  'azure-devops',
] as const;

export type Forge = (typeof FORGES)[number];

/** An entry of `answers`: rollouts are shown as statuses of commits at a forge. Paths are absolute. */
export interface AnswerConfig extends Audience {
  readonly name: string;
  readonly to: Forge;
  readonly repository: string;
  /** Base URL of the API, without a slash at its end. The credential is sent nowhere else. */
  readonly api: string;
  /** undefined: the GitHub App of the relay. */
  readonly tokenFile: string | undefined;
  /** With it the token is a password. */
  readonly user: string | undefined;
  /** A text with placeholders: the name of the status. */
  readonly context: string;
  /** A URL with placeholders. */
  readonly pageUrl: string | undefined;
  /** Of the deployments that GitHub shows as well; undefined: none. */
  readonly environment: string | undefined;
}

export const CHANNELS = ['cloudevents', 'slack', 'teams', 'discord', 'matrix', 'webhook'] as const;

export type ChannelName = (typeof CHANNELS)[number];

export const ESCAPES = ['json', 'url', 'none'] as const;

/** How a placeholder's value is written into the body. */
export type Escape = (typeof ESCAPES)[number];

/** What is special about a kind of receiver. */
export type Channel =
  | { readonly to: 'slack' | 'teams' | 'discord' }
  | { readonly to: 'matrix'; readonly room: string }
  | { readonly to: 'cloudevents'; readonly mode: 'structured' | 'binary' }
  | {
      readonly to: 'webhook';
      readonly method: 'POST' | 'PUT' | 'PATCH';
      /** Names in lower case; values with placeholders. */
      readonly headers: Readonly<Record<string, string>>;
      /** With placeholders; undefined: the event as JSON. */
      readonly body: string | undefined;
      readonly escape: Escape;
    };

/** An entry of `notifications`: events of rollouts are sent to somebody. Paths are absolute. */
export interface NotificationConfig extends Audience {
  readonly name: string;
  readonly channel: Channel;
  readonly events: readonly EventName[];
  /** Exactly one of these is there. */
  readonly url: string | undefined;
  readonly urlFile: string | undefined;
  readonly tokenFile: string | undefined;
  /** In lower case; `authorization`: as a bearer token. */
  readonly tokenHeader: string;
  /** The key of the signature; undefined: none is sent. */
  readonly secretFile: string | undefined;
  /** In lower case. */
  readonly signatureHeader: string;
  readonly pageUrl: string | undefined;
}
