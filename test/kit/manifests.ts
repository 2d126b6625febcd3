import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { expect } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { buildSyncConfig } from '../../src/config/build-config.ts';
import { buildRelayConfig } from '../../src/config/build-relay-config.ts';
import { buildRunConfig } from '../../src/config/build-run-config.ts';
import { loadDocument } from '../../src/config/document/load-document.ts';
import type { LoadedDocument } from '../../src/config/document/loaded-document.ts';
import { load } from '../../src/config/load.ts';
import { AllowPattern } from '../../src/relay/server/access/allow.ts';

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: string[];
  readonly args?: string[];
  readonly env?: { name: string; value?: string }[];
  readonly envFrom?: { secretRef?: { name: string; optional?: boolean } }[];
  readonly ports?: { name: string; containerPort: number }[];
  readonly volumeMounts?: { name: string; mountPath: string; readOnly?: boolean; subPath?: string }[];
  readonly securityContext?: Record<string, unknown>;
  readonly [probe: string]: unknown;
}

export interface PodSpec {
  readonly containers: Container[];
  readonly initContainers?: Container[];
  readonly volumes: { name: string; [kind: string]: unknown }[];
  readonly securityContext?: Record<string, unknown>;
  readonly shareProcessNamespace?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { name: string; labels?: Record<string, string> };
  readonly spec: Record<string, unknown>;
  readonly stringData?: Record<string, string>;
  readonly data?: Record<string, string>;
}

/** The documents of a YAML file. */
export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text, { merge: true })
    .map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS() as Manifest | null;
    })
    .filter((manifest) => manifest !== null);
}

export interface Template {
  readonly labels: Record<string, string>;
  readonly spec: PodSpec;
}

export function templateOf(manifest: Manifest): Template | undefined {
  if (manifest.kind === 'Pod')
    return { labels: manifest.metadata.labels ?? {}, spec: manifest.spec as unknown as PodSpec };
  const template = manifest.spec?.template as
    | { metadata: { labels: Record<string, string> }; spec: PodSpec }
    | undefined;
  return template && { labels: template.metadata.labels, spec: template.spec };
}

/** The labels of its Pods. Each Pod of a StatefulSet has its name too. */
function podLabelsOf(manifest: Manifest): Record<string, string>[] {
  const template = templateOf(manifest);
  if (!template) return [];
  if (manifest.kind !== 'StatefulSet') return [template.labels];
  return Array.from({ length: Number(manifest.spec.replicas ?? 1) }, (_, index) => ({
    ...template.labels,
    'statefulset.kubernetes.io/pod-name': `${manifest.metadata.name}-${index}`,
  }));
}

export const containersOf = (spec: PodSpec): Container[] => [...spec.containers, ...(spec.initContainers ?? [])];
const isWithin = (part: Record<string, string>, whole: Record<string, string>): boolean =>
  Object.entries(part).every(([key, value]) => whole[key] === value);

const FLAGS = [
  '--noEmit',
  '--strict',
  '--skipLibCheck',
  '--module',
  'nodenext',
  '--moduleResolution',
  'nodenext',
  '--types',
  '',
  '--ignoreConfig',
];

/** What the types of Kubernetes have against the manifests: unknown fields, fields of a wrong type. Empty: nothing. */
export function typeFaults(manifests: readonly Manifest[]): string {
  const directory = resolve(`node_modules/.cache/git-sidecar-manifests-${process.pid}`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const [index, manifest] of manifests.entries()) {
    const text = `import type { I${manifest.kind} } from 'kubernetes-models/${manifest.apiVersion}/${manifest.kind}';\nexport const manifest: I${manifest.kind} = ${JSON.stringify(manifest, null, 2)};\n`;
    writeFileSync(join(directory, `${manifest.kind}-${index}.ts`), text);
  }
  const files = readdirSync(directory).map((name) => join(directory, name));
  try {
    return execFileSync('node_modules/.bin/tsc', [...FLAGS, ...files], { stdio: 'pipe' }).toString();
  } catch (error) {
    return (error as { stdout: Buffer }).stdout.toString();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function expectReferencesOfPod(spec: PodSpec, claims: readonly string[], secrets: readonly string[] | undefined): void {
  const volumes = [...spec.volumes.map((volume) => volume.name), ...claims];
  const mounted = containersOf(spec).flatMap(({ volumeMounts = [] }) => volumeMounts.map((mount) => mount.name));
  expect(new Set(mounted)).toEqual(new Set(volumes));
  const named = spec.volumes.flatMap(({ secret }) => (secret as { secretName: string } | undefined)?.secretName ?? []);
  for (const name of secrets ? named : []) expect(secrets).toContain(name);
  for (const container of containersOf(spec)) {
    const ports = (container.ports ?? []).map((port) => port.name);
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
      const { httpGet, tcpSocket } = (container[probe] ?? {}) as Record<string, { port: string } | undefined>;
      const port = (httpGet ?? tcpSocket)?.port;
      if (port !== undefined) expect(ports, `${container.name} ${probe}`).toContain(port);
    }
    for (const { secretRef } of container.envFrom ?? [])
      if (secrets && secretRef && !secretRef.optional) expect(secrets).toContain(secretRef.name);
  }
}

/**
 * Volumes, ports, selectors and Secrets that are named exist.
 * @param ownSecrets the Secrets come with the manifests
 */
export function expectReferences(manifests: readonly Manifest[], ownSecrets: boolean): void {
  const secrets = manifests.filter(({ kind }) => kind === 'Secret').map(({ metadata }) => metadata.name);
  const templates = manifests.flatMap((manifest) => templateOf(manifest) ?? []);
  for (const manifest of manifests) {
    const template = templateOf(manifest);
    const claims = (manifest.spec?.volumeClaimTemplates ?? []) as { metadata: { name: string } }[];
    const names = claims.map(({ metadata }) => metadata.name);
    if (template) expectReferencesOfPod(template.spec, names, ownSecrets ? secrets : undefined);
    const { selector: plain, podSelector } = (manifest.spec ?? {}) as Record<
      string,
      { matchLabels?: Record<string, string> } | undefined
    >;
    const selector = plain ?? podSelector;
    if (!selector) continue;
    const labels = (selector.matchLabels ?? selector) as Record<string, string>;
    expect(
      manifests.flatMap(podLabelsOf).some((each) => isWithin(labels, each)),
      `${manifest.kind} selects a Pod`,
    ).toBe(true);
    if (manifest.kind !== 'Service') continue;
    const open = templates.flatMap(({ spec }) =>
      containersOf(spec).flatMap(({ ports = [] }) => ports.map((port) => port.name)),
    );
    for (const { targetPort } of (manifest.spec.ports as { targetPort: string }[]) ?? [])
      expect(open).toContain(targetPort);
  }
}

/** The restricted profile of the Pod Security Standards, and a root file system that cannot be written. */
export function expectRestricted(manifests: readonly Manifest[]): void {
  for (const manifest of manifests) {
    const template = templateOf(manifest);
    if (!template) continue;
    const { spec } = template;
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(spec).not.toHaveProperty('hostNetwork');
    expect(spec).not.toHaveProperty('hostPID');
    for (const volume of spec.volumes) expect(Object.keys(volume)).not.toContain('hostPath');
    for (const container of containersOf(spec)) {
      expect(container.securityContext, container.name).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  }
}

/** What a container reads from the ConfigMaps and Secrets that are mounted in it. @throws where there is no such file */
function readMounted(manifests: readonly Manifest[], spec: PodSpec, container: Container, path: string): string {
  const mount = (container.volumeMounts ?? []).find(({ mountPath }) => dirname(path) === mountPath);
  const volume = spec.volumes.find(({ name }) => name === mount?.name) as
    | { configMap?: { name: string }; secret?: { secretName: string } }
    | undefined;
  const name = volume?.configMap?.name ?? volume?.secret?.secretName;
  const kind = volume?.configMap ? 'ConfigMap' : 'Secret';
  const source = manifests.find((each) => each.kind === kind && each.metadata.name === name);
  const text = (source?.data ?? source?.stringData)?.[basename(path)];
  if (text === undefined) throw new Error(`nothing is mounted at ${path}`);
  return text;
}

/** Documents that containers of `manifests` start with; what they name is mounted, and probes ask for what is served. */
export function documentsOf(manifests: readonly Manifest[]): LoadedDocument[] {
  const specs = manifests.flatMap((manifest) => templateOf(manifest)?.spec ?? []);
  return specs.flatMap((spec) =>
    containersOf(spec).flatMap((container) => {
      const [program, command, path = ''] = [...(container.command ?? []), ...(container.args ?? [])];
      if (!program?.endsWith('/git-sidecar') || command !== 'up') return [];
      const env = { HOME: '/tmp', GITSYNC_ROOT: '/git' };
      const read = (file: string): string => readMounted(manifests, spec, container, file);
      const document = loadDocument(path, env, read);
      const writable = (container.volumeMounts ?? []).filter(({ readOnly }) => !readOnly);
      for (const { settings } of document.units) {
        const value = (name: string): string =>
          String(settings.find(({ option }) => option.name === name)?.value ?? '');
        expect(writable.map(({ mountPath }) => mountPath)).toContain(`/${value('root').split('/')[1]}`);
        for (const name of ['password-file', 'ssh-key-file', 'ssh-known-hosts-file'])
          if (settings.some(({ option, source }) => option.name === name && source !== 'default') && value(name) !== '')
            expect(read(value(name)), name).not.toBe('');
      }
      expect(container.ports?.map(({ containerPort }) => containerPort)).toContain(document.http?.port);
      return [document];
    }),
  );
}

/** Every command line of ours is one that we accept, and what it names is mounted. @returns how many there are */
export function expectCommandLines(manifests: readonly Manifest[]): number {
  let checked = documentsOf(manifests).length;
  for (const manifest of manifests) {
    const template = templateOf(manifest);
    for (const container of template ? containersOf(template.spec) : []) {
      const env = Object.fromEntries((container.env ?? []).map(({ name: key, value = '' }) => [key, value]));
      const words = [...(container.command ?? []), ...(container.args ?? [])].map((word) =>
        word.replace(/\$\((\w+)\)/g, (_all, key: string) => env[key] ?? ''),
      );
      const mounts = (container.volumeMounts ?? []).map(({ mountPath }) => mountPath);
      const isMounted = (path: string): boolean =>
        mounts.some((mount) => path === mount || path.startsWith(`${mount}/`));
      const image = { HOME: '/tmp', ...env };
      if (words[0]?.endsWith('/git-sidecar') && words[1] === 'run') {
        const config = buildRunConfig(load('run', words.slice(2), env), env, '/');
        expect(config.command?.length).toBeGreaterThan(0);
        expect(isMounted(config.link)).toBe(true);
      } else if (words[0]?.endsWith('/git-sidecar') && words[1] === 'relay') {
        const config = buildRelayConfig(load('relay', words.slice(2), image).settings, image);
        for (const pattern of config.allow) expect(new AllowPattern(pattern)).toBeDefined();
        for (const word of words) {
          const path = /^--(?:rollouts|[a-z-]+-file)=(.*)$/.exec(word)?.[1];
          if (path !== undefined) expect(isMounted(path), word).toBe(true);
        }
        expect(isMounted(config.root)).toBe(true);
        expect(container.ports?.map(({ containerPort }) => containerPort)).toContain(config.http.port);
      } else if (container.image.includes('git-sidecar') && !container.command) {
        expect(buildSyncConfig(load('sync', words, image).settings, image).root).toMatch(/^\/git/);
      } else continue;
      checked += 1;
    }
  }
  return checked;
}
