import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadDocument } from '../../src/config/document/load-document.ts';
import { httpGit } from '../kit/http-git.ts';
import { documentsOf, parseManifests, templateOf } from '../kit/manifests.ts';
import { run, Sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { freePort } from '../peers/ports.ts';
import { until } from '../peers/wait.ts';

const DIRECTORY = 'deploy/documents';
const FILES = readdirSync(DIRECTORY).filter((name) => name.endsWith('.yaml'));
const PAGE = readFileSync('docs/document.md', 'utf8');

describe('deploy/documents', () => {
  test.each(FILES)('%s is a valid document, and docs/document.md leads to it', (name) => {
    expect(loadDocument(join(DIRECTORY, name), { HOME: '/root' }).units.length).toBeGreaterThan(1);
    expect(PAGE).toContain(`(../deploy/documents/${name})`);
  });

  test('several worktrees of one repository: every link shows its own ref, and follows it', async () => {
    const dir = tempDir();
    const upstream = new Upstream(join(dir, 'docs'), 'site.git');
    upstream.commit({ ref: 'main', 'examples/a': 'x' });
    upstream.git('tag', 'v1.10');
    upstream.git('branch', 'next');
    upstream.push('next', 'v1.10');
    const url = await httpGit(dir);
    const port = await freePort();
    const text = readFileSync(join(DIRECTORY, 'worktrees.yaml'), 'utf8')
      .replaceAll('https://git.example.com', url)
      .replaceAll('/var/lib/git-sidecar', join(dir, 'var'))
      .replaceAll('/srv/site', join(dir, 'srv'))
      .replaceAll('9160', String(port))
      .replace('period: 30s', 'period: 100ms');
    mkdirSync(join(dir, 'etc'));
    writeFileSync(join(dir, 'etc', 'worktrees.yaml'), text);
    writeFileSync(join(dir, 'etc', 'worktrees.sparse'), readFileSync(join(DIRECTORY, 'worktrees.sparse')));
    const process = new Sidecar(['up', 'worktrees.yaml'], {}, { command: 'git-sidecar', cwd: join(dir, 'etc') });
    const link = (name: string): string => join(dir, 'srv', name);
    for (const name of ['main', 'next', 'v1', 'examples']) await untilPublished(link(name), upstream.head(), process);
    expect(readdirSync(join(link('examples'))).sort()).toEqual(['.git', 'examples']);
    upstream.git('checkout', '-q', 'next');
    const oid = upstream.commit({ ref: 'next' });
    await untilPublished(link('next'), oid, process);
    await until('all are ready', async () => {
      const shown = await run(['status', `http://127.0.0.1:${port}`], {}, 'git-sidecar');
      return shown.code === 0 && shown.stdout.includes(oid.slice(0, 12));
    });
  });
});

describe('deploy/kubernetes/airflow.yaml', () => {
  const manifests = parseManifests(readFileSync('deploy/kubernetes/airflow.yaml', 'utf8'));

  test('its ConfigMap holds a valid document with four syncs, and Airflow reads below their links', () => {
    const [document, ...more] = documentsOf(manifests);
    expect(more).toEqual([]);
    expect(document?.units.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'sync dags',
      'sync plugins',
      'sync config',
      'sync dbt',
    ]);
    const links = (document?.units ?? []).map(({ config }) => ('link' in config ? config.link : ''));
    const spec = manifests.map((manifest) => templateOf(manifest)?.spec).find((each) => each !== undefined);
    const read = (spec?.containers[0]?.env ?? []).map(({ value = '' }) => value);
    expect(read).toHaveLength(4);
    for (const path of read) expect(links.some((link) => path === link || path.startsWith(`${link}/`))).toBe(true);
    expect(document?.notices).toEqual([]);
  });

  test('docs/document.md leads to it', () => {
    expect(PAGE).toContain('(../deploy/kubernetes/airflow.yaml)');
  });
});
