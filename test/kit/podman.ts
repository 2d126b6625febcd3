import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { execFileSync, spawnSync } from 'node:child_process';
import { afterEach } from 'vitest';

const containers: string[] = [];
const volumes: string[] = [];
const images: string[] = [];

function podman(...args: string[]): string {
  return execFileSync('podman', args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
}

afterEach(() => {
  for (const name of containers.splice(0)) spawnSync('podman', ['rm', '-f', '-t', '2', name]);
  for (const name of volumes.splice(0)) spawnSync('podman', ['volume', 'rm', '-f', name]);
  for (const name of images.splice(0)) spawnSync('podman', ['image', 'rm', '-f', name]);
});

export const IMAGE = process.env.IMAGE ?? '';
export const BASE = process.env.BASE ?? '';
/** The image with Node that {@link IMAGE} was built from. */
export const NODE = process.env.NODE_IMAGE ?? '';

/** A volume as an emptyDir is: any user may write. Lives as long as the test. */
export function volume(): string {
  const name = podman('volume', 'create').trim();
  volumes.push(name);
  podman('run', '--rm', '--user=0', '-v', `${name}:/v`, '--entrypoint=/bin/chmod', IMAGE, '0777', '/v');
  return name;
}

/** Layers of an image, the lowest first. */
export function layersOf(image: string): readonly string[] {
  return JSON.parse(podman('image', 'inspect', '--format', '{{json .RootFS.Layers}}', image)) as string[];
}

/** Builds an image for the running test. @returns its id */
export function buildImage(...args: string[]): string {
  const id = podman('build', '-q', ...args).trim();
  images.push(id);
  return id;
}

export class Container {
  readonly id: string;

  /** Starts it on the host's network, where the tests' servers are. */
  constructor(options: readonly string[], image: string, ...command: string[]) {
    this.id = podman('run', '-d', '--network=host', ...options, image, ...command).trim();
    containers.push(this.id);
  }

  logs(): string {
    const { stdout, stderr } = spawnSync('podman', ['logs', this.id], { encoding: 'utf8' });
    return stdout + stderr;
  }

  exec(...command: string[]): string {
    return podman('exec', this.id, ...command);
  }

  /** What a command in it prints; undefined when it fails. */
  ask(...command: string[]): string | undefined {
    const { status, stdout } = spawnSync('podman', ['exec', this.id, ...command], { encoding: 'utf8' });
    return status === 0 ? stdout : undefined;
  }

  stop(): number {
    podman('stop', '-t', '5', this.id);
    return Number(podman('inspect', '--format', '{{.State.ExitCode}}', this.id));
  }
}

/** Runs one to its end. */
export function runContainer(options: readonly string[], image: string, ...command: string[]) {
  const args = ['run', '--rm', '--network=host', ...options, image, ...command];
  const { status, stdout, stderr } = spawnSync('podman', args, { encoding: 'utf8' });
  return { status, stdout, stderr };
}
