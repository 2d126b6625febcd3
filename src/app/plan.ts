import type { CompatMode } from '../config/option.ts';
import type { Secret } from '../config/secrets.ts';
import type { HttpConfig } from '../config/sync-config.ts';
import type { SidecarError } from '../model/error.ts';
import type { LogFields } from '../platform/log.ts';
import type { HttpServerOptions } from '../serve/server.ts';
import type { Ambient } from '../service/ambient.ts';
import type { Publisher } from '../service/publisher.ts';
import type { Service } from '../service/service.ts';

export type EndpointNeeds = Pick<HttpServerOptions, 'tls' | 'mostConnections' | 'mostOfOneAddress'>;

/** What a unit is opened with. */
export interface UnitOpening {
  readonly ambient: Ambient;
  /** Logs that it starts, with these facts. */
  readonly announce: (facts: LogFields) => void;
  /** Called after each success; clears the error file. */
  readonly onSuccess: () => Promise<void>;
  /** What unit `name` of this process publishes. */
  readonly find: (name: string) => Publisher;
}

/** One service of a process, from its checked configuration. */
export interface Unit {
  /** Unique in its process. */
  readonly name: string;
  readonly kind: 'sync' | 'run' | 'relay';
  /** Where errors are written to; both are paths. */
  readonly errorFile: { readonly root: string; readonly path: string } | undefined;
  /** The address at which it alone answers; undefined: that of the process. */
  readonly ownHttp?: HttpConfig | undefined;
  /** What the endpoint needs at which it answers. It is known before the service is open. */
  readonly needs?: EndpointNeeds;
  /** Those that its configuration holds; others are learnt as they are read. */
  readonly secrets: readonly Secret[];
  /** @throws SidecarError when it could never work */
  readonly open: (opening: UnitOpening) => Promise<Service>;
}

/** What a process does: the list of its services, and what they share. */
export interface Plan {
  /** The command, as ps shows it where the arguments must not be shown. */
  readonly title: string;
  readonly hidesArguments: boolean;
  readonly log: { readonly verbosity: number; readonly logFormat: 'auto' | 'json' | 'text' };
  readonly http: HttpConfig | undefined;
  /** Whose metrics they are like. */
  readonly mode: CompatMode;
  /** More facts for the line that says the start. */
  readonly facts: LogFields;
  /** What the user should know before anything else. */
  readonly notices: readonly string[];
  /** The hint of an error, with the option names of the user's mode. */
  readonly hintOf?: (error: Pick<SidecarError, 'hint'>) => string;
  /** A signal that makes every service ask now whether something has moved. */
  readonly wakeOn: NodeJS.Signals | undefined;
  /** No part of this process uses Node's list of certificates. */
  readonly ownCertificates: boolean;
  /** They have names that users know: log lines and metrics name them. */
  readonly hasUnits: boolean;
  /** Opened in this order. */
  readonly units: readonly Unit[];
}
