import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { buildSyncConfig } from '../../src/config/build-config.ts';
import { buildRunConfig } from '../../src/config/build-run-config.ts';
import { load as loadOptions } from '../../src/config/load.ts';
import {
  containersOf,
  expectCommandLines,
  expectReferences,
  expectRestricted,
  type Manifest,
  parseManifests,
  templateOf,
  typeFaults,
} from '../kit/manifests.ts';

const DIRECTORY = 'deploy/kubernetes';
const FILES = readdirSync(DIRECTORY).filter((name) => name.endsWith('.yaml'));
/** The articles' Pods are as their authors wrote them. */
const ours = FILES.filter((name) => !name.startsWith('article-'));

const load = (name: string): Manifest[] => parseManifests(readFileSync(join(DIRECTORY, name), 'utf8'));

describe('deploy/kubernetes', () => {
  test('every field is one that Kubernetes knows, of the right type', () => {
    expect(typeFaults(FILES.flatMap(load))).toBe('');
    // And it does notice a field that is misspelled, deep inside.
    const text = JSON.stringify(load('article-pod.yaml')).replaceAll('mountPath', 'mountpath');
    expect(typeFaults(JSON.parse(text) as Manifest[])).toContain('mountpath');
  }, 180_000);

  test.each(FILES)('%s: volumes, ports, selectors and secrets that are named exist', (name) => {
    expectReferences(load(name), ours.includes(name));
  });

  test.each(ours)('%s meets the restricted profile (Pod Security Standards)', (name) => {
    expectRestricted(load(name));
  });

  test.each(FILES)('%s: every command line of ours is accepted', (name) => {
    expect(expectCommandLines(load(name))).toBeGreaterThan(0);
  });

  test('a Pod that runs an application has time to drain before it is killed', () => {
    let seen = 0;
    for (const name of ours) {
      for (const spec of load(name).flatMap((manifest) => templateOf(manifest)?.spec ?? [])) {
        for (const { command = [], lifecycle } of containersOf(spec)) {
          const at = command.indexOf('run');
          if (at < 0) continue;
          seen += 1;
          const env = {};
          const config = buildRunConfig(
            loadOptions(
              'run',
              command.slice(at + 1).map((word) => word.replace(/\$\(\w+\)/, 'https://h/r')),
              env,
            ),
            env,
            '/',
          );
          const before = Number((lifecycle as { preStop: { exec: { command: string[] } } }).preStop.exec.command[1]);
          const needed = before + (config.drainDelayMs + config.drainTimeoutMs + config.stopTimeoutMs) / 1000;
          expect(spec.terminationGracePeriodSeconds, name).toBeGreaterThan(needed);
        }
      }
    }
    expect(seen).toBeGreaterThan(1);
  });

  test('the Pod of v3.1.1 asks for 3.1.1’s own ways, and docs/containers.md says how', () => {
    expect(JSON.stringify(load('article-pod.yaml'))).toContain('{"name":"GITSYNC_COMPAT","value":"v3.1"}');
    expect(readFileSync('docs/containers.md', 'utf8')).toMatch(/`GITSYNC_COMPAT`.*`v3\.1`/);
  });

  test('a container that signals another shares its process namespace', () => {
    for (const name of ours) {
      for (const manifest of load(name)) {
        const spec = templateOf(manifest)?.spec;
        if (spec && containersOf(spec).some(({ args = [] }) => args.some((arg) => arg.startsWith('--signal='))))
          expect(spec.shareProcessNamespace).toBe(true);
      }
    }
  });
});

describe('deploy/compose.yaml', () => {
  const compose = parse(readFileSync('deploy/compose.yaml', 'utf8')) as {
    services: Record<
      string,
      {
        image: string;
        entrypoint?: string[];
        command?: string[];
        volumes?: string[];
        depends_on?: Record<string, unknown>;
      }
    >;
    volumes: Record<string, unknown>;
  };

  test('volumes and services that are named exist, and our command lines are accepted', () => {
    for (const { volumes = [], depends_on: needed = {} } of Object.values(compose.services)) {
      for (const volume of volumes) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
      for (const service of Object.keys(needed)) expect(Object.keys(compose.services)).toContain(service);
    }
    const { app, sync } = compose.services;
    const words = [...(app?.entrypoint ?? []), ...(app?.command ?? [])];
    expect(buildRunConfig(loadOptions('run', words.slice(2), {}), {}, '/').listen?.port).toBe(8000);
    const args = (sync?.command ?? []).map((word) =>
      word.replace(/\$\{REPO[^}]*\}/, 'https://h/r').replace(/\$\{REF[^}]*\}/, 'main'),
    );
    expect(buildSyncConfig(loadOptions('sync', args, {}).settings, {}).link).toBe('/git/current');
  });
});

describe('what our own containers may do', () => {
  test('in compose.yaml the root is read-only, with something to write at /tmp, and no privilege can be gained', () => {
    const { services } = parse(readFileSync('deploy/compose.yaml', 'utf8')) as {
      services: Record<string, { image: string }>;
    };
    const ours = Object.values(services).filter(({ image }) => image.includes('GIT_SIDECAR_IMAGE'));
    expect(ours).toHaveLength(2);
    for (const service of ours)
      expect(service).toMatchObject({ read_only: true, tmpfs: ['/tmp'], security_opt: ['no-new-privileges:true'] });
  });

  test('deploy/seccomp.json denies all that it does not name, and nothing that leads out of a container is named', () => {
    const profile = JSON.parse(readFileSync('deploy/seccomp.json', 'utf8')) as {
      defaultAction: string;
      syscalls: readonly { names: readonly string[]; action: string; args?: unknown }[];
    };
    expect(profile.defaultAction).toBe('SCMP_ACT_ERRNO');
    expect(profile.syscalls.every(({ action }) => action === 'SCMP_ACT_ALLOW')).toBe(true);
    const named = profile.syscalls.flatMap(({ names }) => names);
    const dangerous =
      'mount umount2 unshare setns clone3 ptrace bpf perf_event_open keyctl add_key io_uring_setup userfaultfd kexec_load init_module finit_module reboot swapon chroot pivot_root open_by_handle_at process_vm_writev personality';
    expect(dangerous.split(' ').filter((name) => named.includes(name))).toEqual([]);
    // These only with arguments: other kinds of sockets, new namespaces, and nodes that are no named pipes are denied.
    for (const name of ['socket', 'clone', 'mknod', 'mknodat'])
      expect(profile.syscalls.filter(({ names, args }) => names.includes(name) && args === undefined)).toEqual([]);
  });
});

describe('deploy/systemd', () => {
  test.each(readdirSync('deploy/systemd'))('%s: known settings, and variables that we read', (name) => {
    const text = readFileSync(join('deploy/systemd', name), 'utf8');
    const known =
      /^(?:Description|Wants|After|EnvironmentFile|Environment|ExecStart|StateDirectory|DynamicUser|Restart|KillMode|TimeoutStopSec|NoNewPrivileges|PrivateTmp|ProtectHome|ProtectSystem|WantedBy)=.+$/;
    for (const line of text.split('\n'))
      expect(line).toMatch(new RegExp(`^$|^#|^\\[(?:Unit|Service|Install)\\]$|${known.source}`));
    const env = Object.fromEntries(
      (/^Environment=(.*)$/m.exec(text)?.[1] ?? '')
        .split(' ')
        .map((pair) => pair.replace('%i', 'x').split('=') as [string, string]),
    );
    const all = { ...env, GITSYNC_REPO: 'https://h/r', GITSYNC_REF: 'main' };
    if (name.includes('run'))
      expect(buildRunConfig(loadOptions('run', ['--', 'sh'], all), all, '/')).toMatchObject({
        stateDir: '/var/lib/git-sidecar/x/run',
        link: '/var/lib/git-sidecar/x/git/current',
      });
    else
      expect(buildSyncConfig(loadOptions('sync', [], all).settings, all).link).toBe('/var/lib/git-sidecar/x/current');
  });
});
