import { describe, expect, test } from 'vitest';
import { buildSyncConfig } from '../../../src/config/build-config.ts';
import { buildRelayConfig } from '../../../src/config/build-relay-config.ts';
import { buildRunConfig } from '../../../src/config/build-run-config.ts';
import {
  DEFAULT_ROWS,
  SECTION_NAMES,
  sectionKey,
  sectionOf,
  sectionRows,
  unitRows,
} from '../../../src/config/document/rows.ts';
import { load as loadCommand } from '../../../src/config/load.ts';
import { type OptionDefinition, SERVICES } from '../../../src/config/option.ts';
import { OPTIONS } from '../../../src/config/options.ts';
import { SidecarError } from '../../../src/model/error.ts';
import { load, unitOf } from './kit.ts';
import { sampleOf } from './samples.ts';

const ENV = { HOME: '/home/me' };
type Options = Readonly<Record<string, string>>;

const BASE: Readonly<Record<'sync' | 'run' | 'relay', Options>> = {
  sync: { repo: 'https://h/r.git', root: '/git', 'max-failures': '-1' },
  run: { link: '/git/current' },
  relay: { root: '/mirrors', 'http-bind': ':80', allow: 'https://x/*' },
};
type Kind = keyof typeof BASE;

/** What the command line makes of `options`. */
function fromCommandLine(kind: Kind, options: Options): unknown {
  const own = Object.entries({ ...BASE[kind], ...options });
  const key = options['github-app-private-key'];
  const env = key === undefined ? ENV : { ...ENV, GITSYNC_GITHUB_APP_PRIVATE_KEY: key };
  const args = own.filter(([name]) => name !== 'github-app-private-key').map(([name, value]) => `--${name}=${value}`);
  if (kind === 'sync') return buildSyncConfig(loadCommand('sync', [...args, '--compat=v4'], env).settings, env);
  if (kind === 'run')
    return buildRunConfig(loadCommand('run', [...args, '--', 'app', 'word'], env), env, process.cwd());
  return buildRelayConfig(loadCommand('relay', args, env).settings, env);
}

/** What a document with one unit makes of them. */
function fromDocument(kind: Kind, options: Options): unknown {
  const all = Object.entries({ ...BASE[kind], ...options });
  const rows = new Map(OPTIONS.map((row) => [row.name, row]));
  const sections: Record<string, Record<string, string>> = {};
  const unit: Record<string, unknown> = { name: 'one', ...(kind === 'run' && { command: ['app', 'word'] }) };
  for (const [name, value] of all) {
    const row = rows.get(name);
    const section = row && sectionOf(row);
    if (row && section) sections[section] = { ...sections[section], [sectionKey(section, row)]: value };
    else unit[name] = value;
  }
  return unitOf(load({ ...sections, [kind]: [unit] }), kind, 'one').config;
}

type Outcome = { readonly config: unknown } | { readonly refusal: string };

function outcomeOf(make: () => unknown): Outcome {
  try {
    const config = make() as Record<string, unknown>;
    const { environment, secretsOnCommandLine, ...rest } = config;
    return { config: rest };
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    const words = error.detail.replace(/^\S+?:\d+:\d+: (?:(?:sync|run|relay) one: )?/, '');
    return { refusal: words.replace(/--/g, '').replace('http.bind', 'http-bind').replaceAll('"', '') };
  }
}

const CASES = (['sync', 'run', 'relay'] as const).flatMap((kind) =>
  unitRows(kind).map((row) => [`${kind}: ${row.name}`, kind, row] as const),
);

describe('an option in a document means what it means on the command line', () => {
  test.each(CASES)('%s', (_title, kind, row) => {
    const options = sampleOf(row);
    const found = outcomeOf(() => fromDocument(kind, options));
    expect(found).toEqual(outcomeOf(() => fromCommandLine(kind, options)));
    // It makes a difference, else the comparison would show nothing.
    const { [row.name]: own, ...others } = options;
    const before = outcomeOf(() => fromDocument(kind, others));
    if (row.name !== 'max-staleness') expect(JSON.stringify(found)).not.toBe(JSON.stringify(before));
  });

  const sectionCases = SECTION_NAMES.flatMap((section) =>
    sectionRows(section).map((row) => [`${section}: ${row.name}`, row] as const),
  );

  test.each(sectionCases)('%s, for a sync', (_title, row) => {
    const options = sampleOf(row);
    expect(outcomeOf(() => fromDocument('sync', options))).toEqual(outcomeOf(() => fromCommandLine('sync', options)));
  });

  test('max-staleness is the unit’s, though it is about the endpoint', () => {
    const options = { 'http-bind': ':81', 'max-staleness': '33s' };
    expect(outcomeOf(() => fromDocument('sync', options))).toEqual(outcomeOf(() => fromCommandLine('sync', options)));
    expect(fromDocument('sync', options)).toMatchObject({ http: { maxStalenessMs: 33_000 } });
  });

  test('what the process itself does is read from log and process', () => {
    const document = load({
      log: { verbose: 5, format: 'json' },
      process: { 'termination-log': '/t', 'sync-on-signal': 'USR1', 'add-user': true },
      sync: [{ name: 'one', repo: 'https://h/r', root: '/git' }],
    });
    expect(document.log).toEqual({ verbosity: 5, logFormat: 'json' });
    expect(document.process).toEqual({ terminationLog: '/t', syncOnSignal: 'SIGUSR1', addUser: true });
  });
});

test('every option of every service has a place in a document, but for questions to the command line and v3’s empty words', () => {
  const placed = [...SECTION_NAMES.flatMap(sectionRows), ...(['sync', 'run', 'relay'] as const).flatMap(unitRows)];
  const names = new Set(placed.map(({ name }) => name));
  const without = (OPTIONS as readonly OptionDefinition[])
    .filter(({ commands }) => commands.some((each) => SERVICES.some((service) => service === each)))
    .filter(({ name, hidden }) => !names.has(name) && !hidden)
    .map(({ name }) => name);
  expect(without.sort()).toEqual(['compat', 'explain', 'help', 'man', 'version']);
});

test('keys of a section are unique, and no option of a unit has the name of another key', () => {
  for (const section of SECTION_NAMES) {
    const keys = sectionRows(section).map((row) => sectionKey(section, row));
    expect(new Set(keys).size).toBe(keys.length);
  }
  const names = DEFAULT_ROWS.map(({ name }) => name);
  for (const key of ['name', 'from', 'command']) expect(names).not.toContain(key);
});
