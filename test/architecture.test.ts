import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  /** Files of ours that it imports, relative to src/; types-only imports are marked. */
  readonly imports: readonly { readonly path: string; readonly typeOnly: boolean }[];
  readonly packages: readonly string[];
}

const SRC = resolve('src');

function load(): SourceFile[] {
  return (readdirSync(SRC, { recursive: true }) as string[])
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => {
      const text = readFileSync(join(SRC, path), 'utf8');
      const found = [...text.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from\s+'([^']+)'|import\('([^']+)'\)/gm)];
      const specifiers = found.map((match) => ({ name: match[2] ?? match[3] ?? '', typeOnly: match[1] !== undefined }));
      return {
        path,
        text,
        lines: text.split('\n').length,
        imports: specifiers
          .filter(({ name }) => name.startsWith('.'))
          .map(({ name, typeOnly }) => ({ path: relative(SRC, resolve(SRC, dirname(path), name)), typeOnly })),
        packages: specifiers.map(({ name }) => name).filter((name) => !name.startsWith('.')),
      };
    });
}

const FILES = load();
const folder = (path: string): string =>
  path.startsWith('remote/wire/') ? 'remote/wire' : path.includes('/') ? (path.split('/')[0] ?? '') : path;

/** What the files of a folder may import besides their own folder. `config` stands for its types: options as they were checked. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  platform: ['model'],
  'remote/wire': ['model'],
  git: ['model', 'platform'],
  config: ['model', 'platform', 'remote'],
  remote: ['model', 'platform', 'git', 'remote/wire'],
  poll: ['model', 'platform', 'git', 'config', 'remote', 'remote/wire'],
  fetch: ['model', 'platform', 'git', 'config', 'remote', 'remote/wire'],
  checkout: ['model', 'platform', 'git', 'config'],
  verify: ['model', 'platform', 'git', 'config', 'fetch'],
  into: ['model', 'platform'],
  publish: ['model', 'platform', 'config'],
  notify: ['model', 'platform', 'git', 'config'],
  serve: ['model', 'platform', 'config'],
  service: ['model', 'platform', 'serve'],
  sync: [
    ...['model', 'platform', 'git', 'config', 'remote', 'poll', 'fetch', 'checkout', 'into', 'publish', 'notify'],
    ...['verify', 'serve', 'service', 'relay/client', 'relay/nats'],
  ],
  run: ['model', 'platform', 'config', 'into', 'serve', 'service'],
  relay: ['model', 'platform', 'git', 'config', 'remote', 'remote/wire', 'poll', 'verify', 'serve', 'service'],
  app: ['model', 'platform', 'config', 'notify', 'serve', 'service', 'sync', 'run', 'relay'],
  doctor: [
    ...['model', 'platform', 'git', 'config', 'remote', 'remote/wire', 'poll', 'fetch', 'publish', 'sync', 'run'],
    ...['relay', 'verify'],
  ],
  cli: ['model', 'platform', 'config', 'remote', 'app', 'demo', 'doctor', 'fetch', 'notify', 'run'],
  demo: ['model', 'platform'],
  docs: ['model', 'config', 'serve'],
};

describe('architecture (docs/architecture.md)', () => {
  test.each(FILES.map((file) => [file.path, file] as const))('%s imports only what its folder may', (_path, file) => {
    const own = folder(file.path);
    const allowed = MAY_IMPORT[own];
    expect(allowed, `folder ${own} has no rule`).toBeDefined();
    for (const { path } of file.imports) {
      const other = folder(path);
      const isAllowed = other === own || allowed?.some((each) => path.startsWith(`${each}/`) && each.startsWith(other));
      expect(isAllowed, `${file.path} imports ${path}`).toBe(true);
    }
  });

  test('stages take nothing but types from config', () => {
    for (const file of FILES.filter(({ path }) =>
      ['fetch', 'checkout', 'publish', 'notify', 'poll', 'git', 'relay', 'verify'].includes(folder(path)),
    )) {
      for (const { path, typeOnly } of file.imports.filter((each) => folder(each.path) === 'config'))
        expect(typeOnly, `${file.path} imports ${path}`).toBe(true);
    }
  });

  test('the page of a relay, which runs in a browser, takes nothing but types from the rest, and gives it nothing', () => {
    const isPage = (path: string): boolean => path.startsWith('relay/page/');
    for (const file of FILES)
      for (const { path, typeOnly } of file.imports)
        if (isPage(path) !== isPage(file.path))
          expect(isPage(file.path) && typeOnly, `${file.path} imports ${path}`).toBe(true);
  });

  test('there are no import cycles', () => {
    const imports = new Map(
      FILES.map((file) => [file.path, file.imports.filter(({ typeOnly }) => !typeOnly).map(({ path }) => path)]),
    );
    const done = new Set<string>();
    const visit = (path: string, trail: readonly string[]): void => {
      expect(trail, 'an import cycle').not.toContain(path);
      if (done.has(path)) return;
      for (const next of imports.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const path of imports.keys()) visit(path, []);
  });

  test('no two folders need each other, types included', () => {
    const needs = new Map<string, Set<string>>();
    for (const { path, imports } of FILES) {
      const own = path.split('/')[0] ?? '';
      const others = imports.map((each) => each.path.split('/')[0] ?? '').filter((other) => other !== own);
      needs.set(own, new Set([...(needs.get(own) ?? []), ...others]));
    }
    const visit = (name: string, trail: readonly string[]): void => {
      expect(trail, 'a circle of folders').not.toContain(name);
      for (const next of needs.get(name) ?? []) visit(next, [...trail, name]);
    };
    for (const name of needs.keys()) visit(name, []);
  });

  const only = (what: string, pattern: RegExp, allowed: (path: string) => boolean): void => {
    test(what, () => {
      const offenders = FILES.filter(
        (file) => pattern.test(file.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')) && !allowed(file.path),
      );
      expect(offenders.map(({ path }) => path)).toEqual([]);
    });
  };
  only('child processes are started in platform/process only', /node:child_process/, (path) =>
    path.startsWith('platform/process/'),
  );
  only(
    'the environment and the arguments are read in config only',
    /process\.(env|argv)\b/,
    (path) => path === 'config/process-input.ts',
  );
  only(
    'names in published trees and releases are read as bytes',
    /\b(?:readdir|readlink)(?:Sync)?\((?![^;]*'(?:buffer|latin1)')/,
    (path) => !/^(?:checkout|into|run)\//.test(path),
  );
  only('the process exits in one place only', /process\.exit\b/, (path) => path === 'app/end-process.ts');
  only(
    'links are made in publish, and where run copies one, only',
    /\bsymlink\(/,
    (path) => path === 'publish/link.ts' || path === 'run/mirror-journal.ts',
  );
  only(
    'directories are watched in one place, which knows what to do when no watch is to be had',
    /import \{[^}]*\bwatch(?:File)?\b[^}]*\} from 'node:fs/,
    (path) => path === 'run/follow-link.ts',
  );
  /** Files outside `platform` and the edge of the process that own a clock or a timer, and why. */
  const OWN_TIME: Readonly<Record<string, string>> = {
    'git/git.ts': 'how long a command took, for a log line',
    'git/shared-ssh.ts': 'how long a server needs, as platform/http-connection.ts measures it',
    'relay/server/streams/delivery.ts': 'turns of streams that get an event later',
    'relay/server/streams/stream-subscriber.ts': 'bytes that a socket has to take in time',
    'relay/server/git/pack-answers.ts': 'an answer that nobody reads any more',
    'relay/server/git/paced-response.ts': 'bytes that a socket has to take in time',
    'relay/server/mirror/turns.ts': 'a wait for a turn of the loop that has a limit',
    'serve/profiles.ts': 'a profile takes the time that somebody asked for',
  };
  /** A page in a browser has what the browser has. */
  const EDGE = /^(?:platform|app|cli|demo|relay\/page)\//;
  const OWNS_TIME =
    /\b(?:Date\.now|performance\.now|Math\.random)\b|(?<![.\w])set(?:Timeout|Interval)\(|\{[^}]*\bsetTimeout\b[^}]*\} from 'node:timers/;
  only('clock, timers and random numbers are passed in', OWNS_TIME, (path) => EDGE.test(path) || path in OWN_TIME);
  test('who is allowed a clock of its own needs it', () => {
    const owners = FILES.filter(({ path, text }) => path in OWN_TIME && OWNS_TIME.test(text)).map(({ path }) => path);
    expect(owners.sort()).toEqual(Object.keys(OWN_TIME).sort());
  });

  only(
    'options are read by their names in config only',
    /\b(?:optionNamed|findOption)\(|\b(?:settings|own|sync)\.(?:text|number|flag|list|isOn|isSet|has|get)\('/,
    (path) => path.startsWith('config/'),
  );
  only('nobody prints to the console', /\bconsole\./, () => false);
  only('there are no default exports', /export default/, () => false);

  test('names say what a file is: kebab-case, no utils, helper or manager', () => {
    for (const { path } of FILES) {
      expect(path).toMatch(/^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*\.tsx?$/);
      expect(path).not.toMatch(/util|helper|manager|common|misc/);
    }
  });

  test('files keep to one idea: median ≤ 80 lines, nine in ten ≤ 200, none above 400', () => {
    const sizes = FILES.map(({ lines }) => lines).sort((a, b) => a - b);
    expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThanOrEqual(80);
    expect(sizes[Math.floor(sizes.length * 0.9)]).toBeLessThanOrEqual(200);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(400);
  });

  test('every folder of src is described in docs/architecture.md, and every folder named there exists', () => {
    const text = readFileSync('docs/architecture.md', 'utf8');
    const named = [...text.matchAll(/^\| `src\/([a-z/-]+)\/` \|/gm)].map((match) => match[1] ?? '').sort();
    const present = (readdirSync(SRC, { recursive: true }) as string[])
      .filter((path) => statSync(join(SRC, path)).isDirectory())
      .sort();
    expect(named).toEqual(present);
  });

  test('stages and their order in docs/architecture.md are those of the code', () => {
    const text = readFileSync('docs/architecture.md', 'utf8');
    const order =
      /createStages[\s\S]*?return inOrder\(\[([\s\S]*?)\]\);/.exec(
        readFileSync(join(SRC, 'sync/stages.ts'), 'utf8'),
      )?.[1] ?? '';
    const stages = order
      .split(',')
      .map((name) => name.replace(/\(.*$/, '').trim())
      .filter(Boolean);
    const documented = [...text.matchAll(/^\d+\. `(\w+)`/gm)].map((match) => match[1]);
    expect(documented).toEqual(stages);
  });
});
