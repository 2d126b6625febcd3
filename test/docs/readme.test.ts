import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { buildSyncConfig } from '../../src/config/build-config.ts';
import { buildRelayConfig } from '../../src/config/build-relay-config.ts';
import { buildRunConfig } from '../../src/config/build-run-config.ts';
import { load } from '../../src/config/load.ts';
import { expectCommandLines, expectReferences, parseManifests } from '../kit/manifests.ts';

const korean = readFileSync('README.ko.md', 'utf8');

/** The code blocks of a page in one language. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    (match) => match[1] ?? '',
  );
}

/** The commands of ours in shell blocks, as words. */
function commands(text: string): string[][] {
  const lines = blocks(text, 'sh').flatMap((block) => block.replace(/\\\n\s*/g, '').split('\n'));
  return lines
    .filter((line) => /^git-(?:sync|sidecar) /.test(line) && !line.includes('…'))
    .map((line) => (line.match(/(?:'[^']*'|[^\s'])+/g) ?? []).map((word) => word.replaceAll("'", '')));
}

describe('README.ko.md', () => {
  test('both READMEs name each other in their first line', () => {
    expect(readFileSync('README.md', 'utf8').split('\n')[0]).toContain('(README.ko.md)');
    expect(korean.split('\n')[0]).toContain('(README.md)');
  });

  test('its manifests name volumes, ports and Secrets that exist, and command lines that are accepted', () => {
    const manifests = blocks(korean, 'yaml').flatMap(parseManifests);
    expect(manifests.map(({ kind }) => kind)).toEqual(['Pod', 'Secret', 'Pod']);
    expectReferences(manifests, true);
    expect(expectCommandLines(manifests)).toBe(3);
  });

  test('its Pods are read as the releases that they were written for', () => {
    const env = { GIT_SYNC_REPO: 'https://h/team/manifests.git', GIT_SYNC_ROOT: '/git', GITSYNC_COMPAT: 'v3.1' };
    const pod = load('sync', [], env);
    expect([pod.settings.mode, buildSyncConfig(pod.settings, env).link]).toEqual(['v3.1', '/git/manifests.git']);
    const relayed =
      commands(korean)
        .find(([program]) => program === 'git-sync')
        ?.slice(1) ?? [];
    expect(load('sync', relayed, {}).settings.mode).toBe('v3');
  });

  test('the commands in it are accepted', () => {
    const found = commands(korean);
    expect(found.map((words) => words.slice(0, 2).join(' ').replace(/ -.*/, ''))).toEqual([
      'git-sidecar run',
      'git-sidecar relay',
      'git-sync',
    ]);
    for (const [program, ...words] of found) {
      if (program === 'git-sync') expect(buildSyncConfig(load('sync', words, {}).settings, {}).root).toBe('/git');
      else if (words[0] === 'run')
        expect(buildRunConfig(load('run', words.slice(1), {}), {}, '/').command).toEqual(['./app/serve.sh']);
      else expect(buildRelayConfig(load('relay', words.slice(1), {}).settings, {}).allow).toHaveLength(1);
    }
  });

  test('each option in it is in docs/options.md', () => {
    const known = readFileSync('docs/options.md', 'utf8');
    const named = [...korean.matchAll(/[ `[]--([a-z][a-z-]+)/g)].map((match) => match[1] ?? '');
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((name) => !known.includes(`\`--${name}\``))).toEqual([]);
  });
});
