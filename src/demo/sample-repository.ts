import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Environment, ProcessRunner } from '../platform/process.ts';

/** A small web application, as somebody might keep it in git. */
const FILES: Readonly<Record<string, string>> = {
  'README.md': '# Sample application\n\nChange a file, push, and watch it arrive.\n',
  'app/index.html': '<!doctype html>\n<title>Sample</title>\n<h1>Hello from the first commit</h1>\n',
  'config/app.json': '{\n  "greeting": "hello",\n  "workers": 2\n}\n',
};

const IDENTITY = ['-c', 'user.name=git-sidecar demo', '-c', 'user.email=demo@example.com'];

/** Makes the bare repository `<projectRoot>/app.git` with one commit on `main`. */
export async function createSampleRepository(
  projectRoot: string,
  runner: ProcessRunner,
  env: Environment,
): Promise<void> {
  const bare = join(projectRoot, 'app.git');
  const work = join(projectRoot, 'app.work');
  const git = async (...args: string[]): Promise<void> => {
    const result = await runner.run({ file: 'git', args, env });
    if (result.code !== 0) throw new Error(`git ${args.join(' ')} failed: ${result.stderr}`);
  };
  await mkdir(projectRoot, { recursive: true });
  await git('init', '--quiet', '--bare', '--initial-branch=main', bare);
  await git('-C', bare, 'config', 'http.receivepack', 'true');
  await git('init', '--quiet', '--initial-branch=main', work);
  for (const [path, content] of Object.entries(FILES)) {
    await mkdir(dirname(join(work, path)), { recursive: true });
    await writeFile(join(work, path), content);
  }
  await git('-C', work, 'add', '--all');
  await git('-C', work, ...IDENTITY, 'commit', '--quiet', '--message', 'First commit');
  await git('-C', work, 'push', '--quiet', bare, 'main');
  await rm(work, { recursive: true });
}
