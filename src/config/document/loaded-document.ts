import type { RelayConfig } from '../relay-config.ts';
import type { RunConfig } from '../run-config.ts';
import type { Setting } from '../settings.ts';
import type { SyncConfig } from '../sync-config.ts';
import type { Place } from './problems.ts';
import type { ProcessConfig } from './rows.ts';

/** An option in force. */
export interface ShownSetting extends Setting {
  /** It came from a file: nothing of it may be shown. */
  readonly isHidden?: boolean;
}

interface UnitBase {
  /** Unique in the document; a DNS label. */
  readonly name: string;
  /**
   * Changes if and only if something of the unit’s own configuration changes, content of `file:` included. It is made
   * from secrets, so it stays in this process.
   */
  readonly digest: string;
  /** Every option of its kind, given or by default. */
  readonly settings: readonly ShownSetting[];
  readonly place: Place;
}

export interface SyncUnit extends UnitBase {
  readonly kind: 'sync';
  readonly config: SyncConfig;
}

export interface RunUnit extends UnitBase {
  readonly kind: 'run';
  /** `config.link` is the link of that sync; `config.sync` is undefined. */
  readonly config: RunConfig;
  /** The sync of this document that it follows; undefined: another process publishes `config.link`. */
  readonly from: string | undefined;
}

export interface RelayUnit extends UnitBase {
  readonly kind: 'relay';
  readonly config: RelayConfig;
  /** It has an address of its own, `config.http`; else it serves at that of the document. */
  readonly hasOwnAddress: boolean;
}

export type LoadedUnit = SyncUnit | RunUnit | RelayUnit;

export interface ShownStore {
  readonly directory: string;
  readonly place: Place;
}

/** A document, checked. */
export interface LoadedDocument extends ProcessConfig {
  readonly path: string;
  /** In the order of the document, syncs first, then runs, then relays. */
  readonly units: readonly LoadedUnit[];
  /** The directory where syncs of one repository share their objects, absolute; undefined: each has its own. */
  readonly store: ShownStore | undefined;
  /** Options of `http`, `log` and `process`. */
  readonly settings: readonly ShownSetting[];
  /** Things the user should know. */
  readonly notices: readonly string[];
  /** Every file that was read, absolute, the document itself first: when one changes, the document may mean something else. */
  readonly files: readonly string[];
  /** Texts from files and in secret options, for the redactor. */
  readonly secrets: readonly string[];
}
