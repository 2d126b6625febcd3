import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nginx } from '../kit/nginx.ts';
import { Upstream } from '../kit/upstream.ts';
import { NGINX_PROGRAMS } from '../peers/nginx.ts';
import { missing } from '../peers/programs.ts';
import { diagnose, place, plain } from './kit.ts';

const PAGE = readFileSync('docs/doctor.md', 'utf8');

/** What differs from machine to machine. */
function general(line: string): string {
  return line
    .replace(/\d+ MiB and \d+ inodes/, 'SPACE')
    .replace(/git version .*/, 'git version')
    .replace(/(dns .*: ).*/, '$1ADDRESS')
    .replace(/mode \d+, owner \d+:\d+/, 'MODE')
    .replace(/(file system .*: )\w+;/, '$1TYPE;')
    .replace(/it ends in \d+ days/, 'it ends soon')
    .replace(/within \d+ s/, 'within a second')
    .replace(/ {2,}/g, ' ');
}

test.skipIf(missing(...NGINX_PROGRAMS))(
  'the example of docs/doctor.md is what doctor prints there',
  { timeout: 40_000 },
  async () => {
    const at = place();
    mkdirSync(join(at.dir, 'srv', 'team'), { recursive: true });
    new Upstream(join(at.dir, 'srv', 'team'), 'app.git').commit({ a: 'one' });
    const server = await nginx(join(at.dir, 'nginx'), {
      projectRoot: join(at.dir, 'srv'),
      tls: true,
      users: { deploy: 'right' },
    });
    mkdirSync(at.root);
    const { status, stdout } = await diagnose(
      [
        `--repo=https://localhost:${server.port}/team/app.git`,
        `--root=${at.root}`,
        '--ref=main',
        '--username=deploy',
        `--password-file=${at.file('password', 'wrong')}`,
        `--exechook-command=${at.file('reload', '#!/bin/sh\n', 0o644)}`,
      ],
      { GIT_SSL_CAINFO: server.caFile },
    );
    expect(status).toBe(1);
    const [, example = ''] = /```text\n([\s\S]*?)```/.exec(PAGE) ?? [];
    const said = plain(stdout, at).replaceAll('DIR/root', '/git').replaceAll('DIR/', '/etc/git-secret/');
    expect(example.split('\n').map((line) => general(plain(line, at)))).toEqual(said.split('\n').map(general));
  },
);
