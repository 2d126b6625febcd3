import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly uses?: string;
  readonly needs?: string | readonly string[];
  readonly if?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly string[]>> };
  readonly container?: { readonly image: string };
  readonly 'timeout-minutes'?: number;
  readonly steps?: readonly Step[];
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const DIRECTORY = '.github/workflows';
const FORMS = '.github/ISSUE_TEMPLATE';
const NAMES = readdirSync(DIRECTORY);
const { scripts, engines } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>;
  engines: { node: string };
};

function load<T>(path: string): T {
  const document = parseDocument(readFileSync(path, 'utf8'), { uniqueKeys: true });
  expect([...document.errors, ...document.warnings]).toEqual([]);
  return document.toJS() as T;
}

const workflow = (name: string): Workflow => load<Workflow>(join(DIRECTORY, name));
const jobsOf = (name: string): [string, Job][] => Object.entries(workflow(name).jobs);
const stepsOf = (job: Job): readonly Step[] => job.steps ?? [];
const runsOf = (job: Job): string[] => stepsOf(job).flatMap(({ run }) => run ?? []);
const usesOf = (job: Job): string[] => [job.uses ?? [], ...stepsOf(job).map(({ uses }) => uses ?? [])].flat();

/** What gives each permission beyond reading a reason. */
const NEEDS: Readonly<Record<string, (job: Job) => boolean>> = {
  'contents: read': () => true,
  'packages: write': (job) => usesOf(job).some((uses) => uses.startsWith('docker/login-action@')),
  'id-token: write': (job) => runsOf(job).some((run) => /\bcosign sign\b|--provenance\b/.test(run)),
};

function isNeeded(job: Job, permission: string): boolean {
  if (job.uses === undefined) return NEEDS[permission]?.(job) === true;
  // It is handed on to a workflow in which a job needs it.
  return Object.values(load<Workflow>(job.uses).jobs).some((inner) => isNeeded(inner, permission));
}

describe.each(NAMES)('.github/workflows/%s', (name) => {
  test('may read the repository; what a job may do beyond that, it does', () => {
    expect(workflow(name).permissions).toEqual({ contents: 'read' });
    for (const [id, job] of jobsOf(name))
      for (const [scope, access] of Object.entries(job.permissions ?? {}))
        expect(isNeeded(job, `${scope}: ${access}`), `${id} needs ${scope}: ${access}`).toBe(true);
  });

  test('names scripts and files that exist', () => {
    for (const [, job] of jobsOf(name)) {
      for (const run of runsOf(job)) {
        for (const [, script = ''] of run.matchAll(/\bnpm run (?:--\S+ )*([\w:]+)/g))
          expect(Object.keys(scripts)).toContain(script);
        for (const [, verb] of run.matchAll(/\bnpm (\S+)/g))
          expect(['run', 'test', 'ci', 'pkg', 'config', 'publish']).toContain(verb);
        for (const [path] of run.matchAll(/(?<![\w"./$])\.{0,2}\/?(?:[\w.-]+\/)+[\w.-]+|(?<=")\.\/[\w./-]+/g))
          expect(existsSync(path), path).toBe(true);
      }
      for (const { with: given } of stepsOf(job))
        for (const key of ['file', 'context'])
          if (given?.[key] !== undefined) expect(existsSync(String(given[key])), String(given[key])).toBe(true);
    }
  });

  test('uses actions at a full version, and workflows that are here and can be called', () => {
    for (const uses of jobsOf(name).flatMap(([, job]) => usesOf(job))) {
      if (uses.startsWith('./')) expect(load<Workflow>(uses).on).toHaveProperty('workflow_call');
      else expect(uses).toMatch(/^[\w-]+\/[\w-]+@v\d+\.\d+\.\d+$/);
    }
  });

  test('puts no expression into a shell line, keeps no credentials in the checkout, and ends in time', () => {
    for (const [id, job] of jobsOf(name)) {
      expect(runsOf(job).filter((run) => run.includes('${{'))).toEqual([]);
      for (const { uses, with: given } of stepsOf(job))
        if (uses?.startsWith('actions/checkout@')) expect(given).toHaveProperty('persist-credentials', false);
      if (job.steps && id !== 'release') expect(job['timeout-minutes'], id).toBeGreaterThan(0);
    }
  });

  test('needs jobs that exist, and outputs of jobs that it needs', () => {
    const all = jobsOf(name);
    for (const [id, job] of all) {
      const needs = [job.needs ?? []].flat();
      for (const each of needs) expect(all.map(([other]) => other)).toContain(each);
      for (const [, other] of JSON.stringify(job).matchAll(/needs\.(\w+)\./g)) expect(needs, id).toContain(other);
      const ids = stepsOf(job).map((step) => (step as { id?: string }).id);
      for (const [, step] of JSON.stringify(job).matchAll(/steps\.(\w+)\./g)) expect(ids, id).toContain(step);
    }
  });
});

describe('what the workflows cover', () => {
  test('the tests run .ci/run on each Node from the oldest that package.json allows, on both architectures', () => {
    const job = workflow('ci.yml').jobs.test;
    const { node = [], runner = [] } = job?.strategy?.matrix ?? {};
    expect(`>=${node[0]}`).toBe(engines.node);
    expect(node).toEqual(['20.19', '22', '24']);
    expect(runner.map((each) => each.endsWith('-arm'))).toEqual([false, true]);
    expect(job?.container?.image).toContain('${{ matrix.node }}');
    expect(job && runsOf(job)).toEqual(['.ci/run']);
  });

  test('.ci/run is made of the scripts of package.json', () => {
    const called = [...readFileSync('.ci/run', 'utf8').matchAll(/^npm (?:run (?:--silent )?)?([\w:]+)/gm)];
    for (const [, script = ''] of called) expect(['ci', ...Object.keys(scripts)]).toContain(script);
    expect(called.length).toBeGreaterThan(3);
  });

  test('the image is for both architectures, has SBOM, provenance and signature, and is made again each week', () => {
    const { on, jobs } = workflow('image.yml');
    const pushed = stepsOf(jobs.image ?? {}).find((step) => step.with?.push === true)?.with;
    expect(pushed).toMatchObject({ platforms: 'linux/amd64,linux/arm64', sbom: true, provenance: 'mode=max' });
    expect(runsOf(jobs.image ?? {}).at(-1)).toBe('cosign sign --yes "$IMAGE"');
    expect(on.schedule).toEqual([{ cron: expect.stringMatching(/^\d+ \d+ \* \* [0-6]$/) }]);
  });

  test('a release publishes nothing before the tests have passed', () => {
    const { test: tests, ...publishing } = workflow('release.yml').jobs;
    expect(tests?.uses).toBe('./.github/workflows/ci.yml');
    for (const job of Object.values(publishing)) expect([job.needs].flat()).toContain('test');
  });
});

describe.each(readdirSync(FORMS))('.github/ISSUE_TEMPLATE/%s', (name) => {
  test('is a form whose fields have ids and labels', () => {
    interface Field {
      readonly type: string;
      readonly id?: string;
      readonly attributes: { readonly label?: string; readonly value?: string };
    }
    const form = load<{ name: string; description: string; body: Field[] }>(join(FORMS, name));
    expect([form.name, form.description].every((text) => text.length > 2)).toBe(true);
    const fields = form.body.filter(({ type }) => type !== 'markdown');
    expect(fields.every(({ id, attributes }) => id !== undefined && attributes.label !== undefined)).toBe(true);
    expect(new Set(fields.map(({ id }) => id)).size).toBe(fields.length);
  });
});
