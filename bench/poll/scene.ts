import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ControlGroup, createControlGroup } from '../control-group.ts';
import type { GitSyncBinary } from '../git-sync.ts';

const PUBLISH_MS = 60_000;

/** A repository on a server, and how its clients reach it. */
export interface Place {
  readonly name: string;
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
  /** Besides, for git commands without a program around them, which has `args` in their place. */
  readonly bareEnv: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly requests: () => number;
}

/** A program with git-sync's options. */
export interface Contender {
  readonly name: string;
  readonly path: string;
  /** Options with which it does nothing but poll while it is idle. */
  readonly restful: readonly string[];
}

const OURS: Contender = {
  name: 'git-sidecar',
  path: resolve('dist/git-sync.cjs'),
  restful: ['--verify-period=0s'],
};

/** git-sidecar, and the git-sync program where one is given. */
export function contenders(gitSync: GitSyncBinary | undefined): readonly Contender[] {
  return gitSync ? [OURS, { ...gitSync, restful: [] }] : [OURS];
}

/** A client that runs in a control group of its own, with a root and a home that are removed with it. */
export interface Client {
  readonly child: ChildProcess;
  readonly group: ControlGroup;
  readonly root: string;
  readonly link: string;
  /** Resolves when the link is there. */
  published(): Promise<void>;
  /** Ends the process where it still runs, and what it left behind. */
  end(): Promise<void>;
}

/** Where everything of the section lives. */
export class Scene {
  readonly directory: string;
  readonly server: ControlGroup;
  /** git's settings for what is no program of ours. */
  readonly settings: string;
  #clients = 0;

  constructor(directory: string) {
    this.directory = directory;
    this.settings = join(directory, 'gitconfig');
    this.server = createControlGroup('server');
  }

  /** The environment that every client gets. */
  environment(home: string): Record<string, string> {
    const path = process.env.PATH ?? '';
    return { PATH: path, HOME: home, TMPDIR: home, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' };
  }

  /** A group that no other client has. */
  newGroup(): ControlGroup {
    this.#clients += 1;
    return createControlGroup(`client-${this.#clients}`);
  }

  /** A file that one client may write to. */
  copyOfSettings(): string {
    const copy = join(mkdtempSync(join(this.directory, 'settings-')), 'gitconfig');
    copyFileSync(this.settings, copy);
    return copy;
  }

  start(command: (root: string) => readonly string[], env: Readonly<Record<string, string>>): Client {
    const home = mkdtempSync(join(this.directory, 'client-'));
    const root = join(home, 'root');
    mkdirSync(root);
    const group = this.newGroup();
    const [file = '', ...rest] = [...group.prefix, ...command(root)];
    const child = spawn(file, rest, { env: { ...this.environment(home), ...env }, stdio: 'ignore' });
    const gone = new Promise<void>((done) => child.once('exit', () => done()));
    const link = join(root, 'link');
    return {
      ...{ child, group, root, link },
      published: async () => {
        const deadline = performance.now() + PUBLISH_MS;
        while (!existsSync(link)) {
          if (performance.now() > deadline) throw new Error(`${link} was not published`);
          await delay(2);
        }
      },
      end: async () => {
        if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
        await gone;
        group.endAll();
        group.remove();
        rmSync(home, { recursive: true, force: true });
      },
    };
  }

  /** Starts a program that follows the place. */
  follow({ path }: Contender, place: Place, more: readonly string[] = []): Client {
    const command = (root: string): string[] => {
      return [path, `--repo=${place.url}`, `--root=${root}`, '--link=link', ...place.args, ...more];
    };
    return this.start(command, place.env);
  }
}
