import { buildSyncConfig } from '../config/build-config.ts';
import { buildRelayConfig } from '../config/build-relay-config.ts';
import { buildRunConfig } from '../config/build-run-config.ts';
import { patientOf } from '../config/doctor-words.ts';
import { loadDocument } from '../config/document/load-document.ts';
import type { LoadedUnit } from '../config/document/loaded-document.ts';
import { hintFor } from '../config/hint-words.ts';
import { type Loaded, load } from '../config/load.ts';
import type { RelayConfig } from '../config/relay-config.ts';
import { documentOf, refuseStray } from '../config/requests.ts';
import type { RunConfig } from '../config/run-config.ts';
import type { Secret } from '../config/secrets.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import type { HttpConfig, StoreConfig, SyncConfig } from '../config/sync-config.ts';
import { layoutOfLink } from '../fetch/layout.ts';
import type { SidecarError } from '../model/error.ts';

/** Something that would run. */
export type PatientUnit =
  | { readonly kind: 'sync'; readonly name?: string; readonly config: SyncConfig }
  | { readonly kind: 'run'; readonly name?: string; readonly config: RunConfig; readonly from?: string | undefined }
  | { readonly kind: 'relay'; readonly name?: string; readonly config: RelayConfig };

/** What the checks are about: what a command line, or a document, describes. */
export interface Patient {
  readonly units: readonly PatientUnit[];
  /** Where it listens. */
  readonly addresses: readonly HttpConfig[];
  readonly store: StoreConfig['directory'] | undefined;
  readonly secrets: readonly Secret[];
  readonly notices: readonly string[];
  /** A flag holds a secret, so other users of the machine could read it. */
  readonly hidesArguments: boolean;
  readonly hintOf: (error: SidecarError) => string;
}

/** A relay of a document may have an address of its own. */
const isApart = (unit: LoadedUnit): boolean => unit.kind === 'relay' && unit.hasOwnAddress;

function ofDocument(loaded: Loaded, env: EnvironmentVariables): Patient {
  const document = loadDocument(documentOf(loaded), env);
  const secrets = [
    ...document.secrets.map((text) => ({ text })),
    ...document.units.flatMap(({ config }) => config.secrets),
  ];
  return {
    units: document.units,
    addresses: [document.http, ...document.units.map((unit) => (isApart(unit) ? unit.config.http : undefined))].filter(
      (http) => http !== undefined,
    ),
    store: document.store?.directory,
    secrets,
    notices: document.notices,
    hidesArguments: false,
    hintOf: ({ hint }) => hint,
  };
}

function unitOf(name: 'sync' | 'run' | 'relay', loaded: Loaded, env: EnvironmentVariables, cwd: string): PatientUnit {
  if (name === 'run') return { kind: name, config: buildRunConfig(loaded, env, cwd) };
  if (name === 'relay') return { kind: name, config: buildRelayConfig(loaded.settings, env) };
  return { kind: name, config: buildSyncConfig(loaded.settings, env) };
}

/** Reads a configuration as the command that would run does. @throws SidecarError */
export function readPatient(rest: readonly string[], env: EnvironmentVariables, cwd: string): Patient {
  const { name, argv } = patientOf(rest);
  const loaded = load(name, argv, env, layoutOfLink);
  // git-sync ignores such words.
  if (name !== 'sync') refuseStray(name, loaded, name === 'up' ? 1 : 0);
  if (name === 'up') return ofDocument(loaded, env);
  const unit = unitOf(name, loaded, env, cwd);
  const { http, secrets, secretsOnCommandLine } = unit.config;
  return {
    units: [unit],
    addresses: http ? [http] : [],
    store: undefined,
    secrets,
    notices: loaded.notices,
    hidesArguments: secretsOnCommandLine,
    hintOf: (error) => hintFor(error, loaded.settings),
  };
}
