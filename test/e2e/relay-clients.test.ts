import { execFile } from 'node:child_process';
import fs, { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import isomorphicGit from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { hostOf, startRelay } from '../kit/relay.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git, Upstream } from '../kit/upstream.ts';
import { notTried } from '../peers/not-tried.ts';

const run = promisify(execFile);
const PYTHON = '/usr/bin/python3';
const MODULES = '/usr/lib/python3/dist-packages';

interface Client {
  readonly name: string;
  /** Why it cannot be used here; undefined: it can. */
  readonly lacks: string | undefined;
  /** `clone URL DIR`, `clone-branch URL DIR BRANCH` or `fetch URL DIR`. */
  readonly call: (...words: string[]) => Promise<unknown>;
}

function pythonClient(name: string, module: string): Client {
  const script = join(import.meta.dirname, 'clients', `with-${name}.py`);
  return {
    name,
    lacks: existsSync(PYTHON) && existsSync(join(MODULES, module)) ? undefined : `python3-${module}`,
    call: async (...words) => await run(PYTHON, [script, ...words], { env: GIT_ENV, timeout: 60_000 }),
  };
}

/** Protocol v1 and a pack reader in JavaScript. */
const isomorphic: Client = {
  name: 'isomorphic-git',
  lacks: undefined,
  call: async (command, url = '', gitdir = '', ref) => {
    const where = { fs, http, dir: `${gitdir}.work`, gitdir, url };
    if (command === 'clone') await isomorphicGit.clone({ ...where, noCheckout: true });
    else if (command === 'fetch') await isomorphicGit.fetch({ ...where, tags: true });
    else await isomorphicGit.clone({ ...where, noCheckout: true, singleBranch: true, depth: 1, ...(ref && { ref }) });
  },
};

const CLIENTS = [pythonClient('dulwich', 'dulwich'), pythonClient('libgit2', 'pygit2'), isomorphic];

describe.each(CLIENTS)('$name as a client of a relay', ({ name, lacks, call }) => {
  if (lacks !== undefined) notTried(`${name}: this machine lacks ${lacks}`);

  test.skipIf(lacks !== undefined)('clones all refs and one branch, and fetches what is pushed later', async () => {
    const dir = tempDir();
    const upstream = new Upstream(join(dir, 'srv'), 'app.git');
    upstream.commit({ a: 'one' });
    upstream.git('checkout', '-q', '-b', 'other');
    const other = upstream.commit({ b: 'other' });
    upstream.git('tag', '-a', '-m', 'a tag', 'v1');
    upstream.push('v1');
    upstream.git('checkout', '-q', 'main');
    const first = upstream.commit({ a: 'two' });
    const repo = `${await httpGit(join(dir, 'srv'))}/app.git`;
    const host = hostOf(repo);
    const relay = await startRelay({ dir, args: [`--allow=http://${host}/*`] });
    const url = `${relay.url}/git/${host}/app.git`;
    const [all, one] = [join(dir, 'all.git'), join(dir, 'one.git')];

    await call('clone', url, all);
    const refs = git(all, 'for-each-ref', '--format=%(objectname)');
    expect(refs).toContain(first);
    expect(refs).toContain(other);
    git(all, 'fsck', '--strict', '--connectivity-only');
    await call('clone-branch', url, one, 'other');
    expect(git(one, 'cat-file', '-p', `${other}:b`)).toBe('other');

    const second = upstream.commit({ a: 'three' });
    await expect
      .poll(async () => await (await relay.get(`/git/${host}/app.git/info/refs?service=git-upload-pack`)).text(), {
        timeout: 20_000,
      })
      .toContain(second);
    await call('fetch', url, all);
    expect(git(all, 'cat-file', '-p', `${second}:a`)).toBe('three');
    git(all, 'fsck', '--strict', '--connectivity-only');
  });
});
