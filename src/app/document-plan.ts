import type { LoadedDocument, LoadedUnit } from '../config/document/loaded-document.ts';
import type { Plan, Unit } from './plan.ts';
import { relayUnit } from './units/relay.ts';
import { runUnit } from './units/run.ts';
import { syncUnit } from './units/sync.ts';

/** One entry of the document as a unit of the process. */
export function unitOf(loaded: LoadedUnit): Unit {
  const { name } = loaded;
  switch (loaded.kind) {
    case 'sync':
      return syncUnit({ name, config: loaded.config, role: 'unit' });
    case 'run':
      return runUnit({ name, config: loaded.config, from: loaded.from, leads: false });
    case 'relay':
      return relayUnit({ name, config: loaded.config, hasOwnAddress: loaded.hasOwnAddress });
  }
}

/** The process that a document describes. Its units are opened by the course. */
export function planOf(document: LoadedDocument): Plan {
  const { units, http, log, process, notices } = document;
  return {
    title: 'up',
    hidesArguments: false,
    log,
    http,
    mode: 'v4',
    facts: {},
    notices,
    wakeOn: process.syncOnSignal,
    ownCertificates: !units.some((unit) => unit.kind !== 'run' && unit.config.nats !== undefined),
    hasUnits: true,
    units: units.map(unitOf),
  };
}
