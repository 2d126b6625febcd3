import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { buildSyncConfig } from '../../src/config/build-config.ts';
import { buildRelayConfig } from '../../src/config/build-relay-config.ts';
import { buildRunConfig } from '../../src/config/build-run-config.ts';
import { load } from '../../src/config/load.ts';
import { documentOf, statusOf } from '../../src/config/requests.ts';
import { load as loadDocument } from '../config/document/kit.ts';
import { type Container, expectCommandLines, expectReferences, parseManifests } from '../kit/manifests.ts';

const english = readFileSync('README.md', 'utf8');
const korean = readFileSync('README.ko.md', 'utf8');
const PAGES = [
  ['README.md', english],
  ['README.ko.md', korean],
] as const;

/** The code blocks of a page in one language. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    (match) => match[1] ?? '',
  );
}

const isDocument = (block: string): boolean => /^sync:$/m.test(block);

/** The commands of ours in shell blocks, as words. */
function commands(text: string): string[][] {
  const lines = blocks(text, 'sh').flatMap((block) => block.replace(/\\\n\s*/g, '').split('\n'));
  return lines
    .map((line) => line.replace(/\s+#.*/, ''))
    .filter((line) => /^git-(?:sync|sidecar) /.test(line) && !line.includes('…'))
    .map((line) => (line.match(/(?:'[^']*'|[^\s'])+/g) ?? []).map((word) => word.replaceAll("'", '')));
}

/** @throws when a command line is refused */
function read([program = '', ...words]: readonly string[]): unknown {
  if (program === 'git-sync') return buildSyncConfig(load('sync', words, {}).settings, {}).root;
  const [command = '', ...rest] = words;
  switch (command) {
    case 'run':
      return buildRunConfig(load('run', rest, {}), {}, '/').command;
    case 'relay':
      return buildRelayConfig(load('relay', rest, {}).settings, {}).allow.length;
    case 'up':
      return documentOf(load('up', rest, {}));
    case 'status':
      return statusOf(load('status', rest, {})).url.href;
    default:
      throw new Error(`no rule for ${program} ${command}`);
  }
}

test('both READMEs name each other in their first line', () => {
  expect(english.split('\n')[0]).toContain('(README.ko.md)');
  expect(korean.split('\n')[0]).toContain('(README.md)');
});

describe.each(PAGES)('%s', (_name, page) => {
  test('each option in it is in docs/options.md, or is one of `up` in docs/document.md', () => {
    const options = readFileSync('docs/options.md', 'utf8');
    const ofUp = readFileSync('docs/document.md', 'utf8');
    const named = [...page.matchAll(/[ `[]--([a-z][a-z-]+)/g)].map((match) => match[1] ?? '');
    expect(named.length).toBeGreaterThan(20);
    const isKnown = (name: string): boolean =>
      options.includes(`\`--${name}\``) || ofUp.includes(`git-sidecar up --${name} `);
    expect(named.filter((name) => !isKnown(name))).toEqual([]);
  });

  test('its document is one', () => {
    const documents = blocks(page, 'yaml').filter(isDocument);
    expect(documents).toHaveLength(1);
    const { units } = loadDocument(documents[0], { env: { GIT_PASSWORD: 'x' } });
    expect(units.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['sync dags', 'sync site', 'run web']);
  });
});

describe('README.md', () => {
  test('the commands in it are accepted', () => {
    expect(commands(english).map(read)).toEqual([
      '/git',
      '/git',
      '/git',
      ['node', 'server.js'],
      'sidecar.yaml',
      'http://localhost:8080/status',
      1,
    ]);
  });

  test('its two ways to call git-sync are read as the releases that they are for', () => {
    const [v4, v3] = commands(english).filter(([program]) => program === 'git-sync');
    expect(load('sync', v4?.slice(1) ?? [], {}).settings.mode).toBe('v4');
    expect(load('sync', v3?.slice(1) ?? [], {}).settings.mode).toBe('v3');
  });

  test('its container is accepted', () => {
    const containers = blocks(english, 'yaml')
      .filter((block) => !isDocument(block))
      .flatMap((block) => parseAllDocuments(block).flatMap((document) => document.toJS() as Container[]));
    expect(containers.map(({ args = [] }) => buildSyncConfig(load('sync', args, {}).settings, {}).link)).toEqual([
      '/git/current',
    ]);
  });
});

describe('README.ko.md', () => {
  test('its manifests name volumes, ports and Secrets that exist, and command lines that are accepted', () => {
    const manifests = blocks(korean, 'yaml')
      .filter((block) => /^kind:/m.test(block))
      .flatMap(parseManifests);
    expect(manifests.map(({ kind }) => kind)).toEqual(['Pod', 'Secret', 'Pod']);
    expectReferences(manifests, true);
    expect(expectCommandLines(manifests)).toBe(3);
  });

  test('its Pods are read as the releases that they were written for', () => {
    const env = { GIT_SYNC_REPO: 'https://h/team/manifests.git', GIT_SYNC_ROOT: '/git', GITSYNC_COMPAT: 'v3.1' };
    const pod = load('sync', [], env);
    expect([pod.settings.mode, buildSyncConfig(pod.settings, env).link]).toEqual(['v3.1', '/git/manifests.git']);
    const syncs = commands(korean).filter(([program]) => program === 'git-sync');
    const modes = syncs.map(([, ...words]) => load('sync', words, {}).settings.mode);
    expect(modes).toEqual(['v3', 'v3', 'v4', 'v3', 'v4']); // behind a relay, with a webhook, then those of README.md
  });

  test('the commands in it are accepted', () => {
    expect(commands(korean).map(read)).toEqual([['./app/serve.sh'], 1, '/git', '/git', ...commands(english).map(read)]);
  });
});
