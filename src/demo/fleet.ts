import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ownNode } from '../platform/process/own-node.ts';
import type { Environment, ProcessRunner } from '../platform/process/runner.ts';

export interface DemoFleetOptions {
  readonly runner: ProcessRunner;
  readonly env: Environment;
  /** A new directory for all that it writes. */
  readonly directory: string;
  /** The URL of the repository that its instances deploy. */
  readonly repository: string;
  /** The program to start. */
  readonly program: string;
  /** Options of Node that the program is started with. */
  readonly nodeFlags: readonly string[];
  /** Where its relay answers, at 127.0.0.1. */
  readonly port: number;
}

/** Of `GET /rollouts`. */
interface Standing {
  readonly status: string;
  readonly why: string;
  readonly oid: string | null;
  readonly failures: readonly { readonly instance: string; readonly reason: string }[];
}

const INSTANCES = ['canary-1', 'web-1', 'web-2', 'web-3'];
/** For all of it to end by itself. */
const LONGEST_END_MS = 4000;
const LONGEST_WAIT_MS = 30_000;
const LOOK_EVERY_MS = 150;

/** A relay with a policy for rollouts, and some instances behind it: one more process, which a document describes. */
export class DemoFleet {
  readonly token = randomBytes(6).toString('hex');
  readonly #options: DemoFleetOptions;
  readonly #end = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #pid: number | undefined;
  #isOver = false;

  constructor(options: DemoFleetOptions) {
    this.#options = options;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#options.port}/`;
  }

  async start(): Promise<void> {
    const { runner, env, directory, program, nodeFlags } = this.#options;
    await mkdir(directory, { recursive: true });
    const write = async (name: string, text: string): Promise<void> => await writeFile(join(directory, name), text);
    const { host } = new URL(this.#options.repository);
    await write('rollouts.yaml', JSON.stringify({ rollouts: [policyFor(host)] }));
    await write('access', `steer bearer ${this.token} ${host}/*\n`);
    await write('token', `${this.token}\n`);
    const path = join(directory, 'fleet.yaml');
    await write('fleet.yaml', JSON.stringify(this.#document(), undefined, 2));
    const { file, args: before } = ownNode();
    const args = [...before, ...nodeFlags, program, 'up', path];
    const { signal } = this.#end;
    const command = { file, args, env, cwd: directory, maxOutputBytes: 65_536, signal };
    const hear = (text: string): void => {
      this.#pid ??= pidIn(text);
    };
    this.#running = runner
      .run({ ...command, onStderr: hear, onStdout: hear })
      .catch(() => undefined)
      .finally(() => {
        this.#isOver = true;
      });
  }

  /** Where the rollout of the branch is; undefined while nothing is known of it. */
  async standing(): Promise<Standing | undefined> {
    const text = await this.#ask('/rollouts');
    if (text === undefined) return undefined;
    return (JSON.parse(text) as { rollouts: Standing[] }).rollouts[0];
  }

  /** @returns the first standing that `isWanted` accepts; undefined when it does not come in time */
  async waitFor(isWanted: (standing: Standing) => boolean): Promise<Standing | undefined> {
    for (const end = Date.now() + LONGEST_WAIT_MS; Date.now() < end && !this.#isOver; await delay(LOOK_EVERY_MS)) {
      const standing = await this.standing();
      if (standing && isWanted(standing)) return standing;
    }
    return undefined;
  }

  /** @returns whether all instances have come, before too much time is over */
  async allConnected(): Promise<boolean> {
    for (const end = Date.now() + LONGEST_WAIT_MS; Date.now() < end && !this.#isOver; await delay(LOOK_EVERY_MS))
      if ((await this.#connected()) === this.size) return true;
    return false;
  }

  get size(): number {
    return INSTANCES.length;
  }

  /** It ends its own processes when it is asked to; if it does not, it is ended. */
  async stop(): Promise<void> {
    try {
      if (this.#pid !== undefined && !this.#isOver) process.kill(this.#pid, 'SIGTERM');
    } catch {
      // It is gone.
    }
    await Promise.race([this.#running, delay(LONGEST_END_MS, undefined, { ref: false })]);
    this.#end.abort();
    await this.#running;
  }

  async #connected(): Promise<number> {
    const text = (await this.#ask('/fleet')) ?? '{"repositories":[]}';
    const { repositories } = JSON.parse(text) as { repositories: { connected: number }[] };
    return repositories.reduce((sum, { connected }) => sum + connected, 0);
  }

  #document(): object {
    const { directory, repository, port } = this.#options;
    const { host } = new URL(repository);
    return {
      http: { bind: `127.0.0.1:${port}` },
      log: { format: 'json' },
      relay: [
        {
          name: 'relay',
          root: join(directory, 'relay'),
          period: '500ms',
          allow: `http://${host}/*`,
          follow: repository,
          rollouts: join(directory, 'rollouts.yaml'),
          'access-file': join(directory, 'access'),
        },
      ],
      sync: INSTANCES.map((name) => ({
        name,
        repo: repository,
        ref: 'main',
        root: join(directory, name),
        link: 'current',
        relay: `http://127.0.0.1:${port}`,
        'relay-token-file': join(directory, 'token'),
        instance: name,
        'instance-label': `track=${name.split('-')[0]}`,
      })),
      run: INSTANCES.map((name) => ({
        name: `run-${name}`,
        from: name,
        command: [ownNode().file, ...ownNode().args, 'server.js'],
        state: join(directory, `state-${name}`),
        'ready-delay': '500ms',
        'ready-for': '0s',
        'drain-delay': '0s',
      })),
    };
  }

  async #ask(path: string): Promise<string | undefined> {
    const { port } = this.#options;
    return await new Promise((resolve) => {
      const headers = { authorization: `Bearer ${this.token}` };
      const request = http.get({ host: '127.0.0.1', port, path, headers, timeout: 2000 }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.once('end', () => resolve(response.statusCode === 200 ? text : undefined));
        response.once('error', () => resolve(undefined));
      });
      request.once('timeout', () => request.destroy());
      request.once('error', () => resolve(undefined));
    });
  }
}

function policyFor(host: string): object {
  return {
    name: 'demo',
    repository: `${host}/*`,
    refs: 'main',
    stages: [{ name: 'canary', select: { labels: { track: 'canary' } }, soak: '1s' }],
    'max-unavailable': 2,
    'on-failure': 'revert',
  };
}

/** A process says its id in its first line. */
function pidIn(text: string): number | undefined {
  const found = /"pid":(\d+)/.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}
