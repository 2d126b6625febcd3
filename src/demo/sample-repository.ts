import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Environment, ProcessRunner } from '../platform/process/runner.ts';

/** The sample application: a web server of one file that answers with a greeting from a configuration file. */
const SERVER = `const { readFileSync } = require('node:fs');
const http = require('node:http');
const process = require('node:process');

const { greeting } = JSON.parse(readFileSync('config/app.json', 'utf8'));
const server = http.createServer((_request, response) => response.end(greeting + '\\n'));
const { env, exit } = process;
server.listen(env.PORT, '127.0.0.1');
process.on('SIGTERM', () => server.close(() => exit(0)));
`;

const configuration = (greeting: string): string => `${JSON.stringify({ greeting }, null, 2)}\n`;

const FILES: Readonly<Record<string, string>> = {
  'README.md': '# Sample application\n\nChange a file, push, and watch it arrive.\n',
  'server.js': SERVER,
  'config/app.json': configuration('Hello from the first commit'),
};

const IDENTITY = ['-c', 'user.name=git-sidecar demo', '-c', 'user.email=demo@example.com'];

/** The repository of the demo on its server, and a copy that commits are made in. */
export class SampleRepository {
  readonly #projectRoot: string;
  readonly #work: string;
  readonly #runner: ProcessRunner;
  readonly #env: Environment;

  constructor(projectRoot: string, runner: ProcessRunner, env: Environment) {
    this.#projectRoot = projectRoot;
    this.#work = join(projectRoot, 'app.work');
    this.#runner = runner;
    this.#env = env;
  }

  /** Makes the bare repository `<projectRoot>/app.git` with one commit on `main`. */
  async create(): Promise<void> {
    const bare = join(this.#projectRoot, 'app.git');
    await mkdir(this.#projectRoot, { recursive: true });
    await this.#git('init', '--quiet', '--bare', '--initial-branch=main', bare);
    await this.#git('-C', bare, 'config', 'http.receivepack', 'true');
    await this.#git('init', '--quiet', '--initial-branch=main', this.#work);
    for (const [path, content] of Object.entries(FILES)) await this.#write(path, content);
    await this.#commit('First commit');
    await this.#git('-C', this.#work, 'push', '--quiet', bare, 'main');
  }

  /** Commits another greeting and pushes it to `url`. */
  async pushGreeting(url: string, greeting: string): Promise<string> {
    await this.#write('config/app.json', configuration(greeting));
    return await this.#push(url, `Say: ${greeting}`);
  }

  /** Commits a configuration that cannot be read and pushes it to `url`. */
  async pushBroken(url: string): Promise<string> {
    await this.#write('config/app.json', '{ "greeting": oops }\n');
    return await this.#push(url, 'A mistake');
  }

  /** @returns the commit */
  async #push(url: string, message: string): Promise<string> {
    await this.#git('-C', this.#work, 'pull', '--quiet', '--rebase', '--autostash', url, 'main');
    await this.#commit(message);
    await this.#git('-C', this.#work, 'push', '--quiet', url, 'main');
    return (await this.#git('-C', this.#work, 'rev-parse', 'HEAD')).trim();
  }

  async #write(path: string, content: string): Promise<void> {
    const full = join(this.#work, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, content);
  }

  async #commit(message: string): Promise<void> {
    await this.#git('-C', this.#work, 'add', '--all');
    await this.#git('-C', this.#work, ...IDENTITY, 'commit', '--quiet', '--message', message);
  }

  async #git(...args: string[]): Promise<string> {
    const result = await this.#runner.run({ file: 'git', args, env: this.#env });
    if (result.code !== 0) throw new Error(`git ${args.join(' ')} failed: ${result.stderr}`);
    return result.stdout.toString();
  }
}
