import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { IMAGE, runContainer } from '../kit/podman.ts';
import { notTried } from '../peers/not-tried.ts';

interface Contents {
  readonly madeOf: string;
  readonly totalMib: number;
  readonly parts: readonly { readonly name: string; readonly mib: number }[];
  /** What docs/containers.md says. */
  readonly page: { readonly madeOf: string; readonly totalMib: number; readonly names: readonly string[] };
}

const contents = JSON.parse(process.env.CONTENTS ?? '{}') as Contents;
const inImage = (line: string) => runContainer(['--entrypoint=/bin/sh'], IMAGE, '-c', line);

describe('what is in the image', () => {
  test('is what docs/containers.md lists (npm run test:containers -- --contents writes it)', () => {
    const { page } = contents;
    // Another release of Debian has other names, another Node another size.
    if (page.madeOf !== contents.madeOf) {
      notTried(`the page was made of ${page.madeOf}, this image of ${contents.madeOf}`);
      return;
    }
    expect(new Set(page.names)).toEqual(new Set(contents.parts.map(({ name }) => name)));
    expect(Math.abs(page.totalMib - contents.totalMib)).toBeLessThan(3);
  });

  test('nothing is in it that nothing uses: no package manager, perl, python, npm, documents or other languages', () => {
    const unwanted = ['apt', 'dpkg', 'perl', 'python3', 'npm', 'npx', 'openssl', 'systemctl', 'git-shell'];
    const { stdout } = inImage(
      `for p in ${unwanted.join(' ')}; do command -v $p; done; ls -d /usr/share/man /usr/share/locale /usr/share/perl* /usr/lib/*/perl* /lib/terminfo /usr/include/* 2> /dev/null`,
    );
    expect(stdout).toBe('');
  });

  test('each package of Debian that is in it is known to scanners, with its licence', () => {
    const { stdout } = inImage(
      "sed -n 's/^Package: //p' /var/lib/dpkg/status | while read -r p; do [ -e /usr/share/doc/$p/copyright ] && echo $p; done",
    );
    const known = stdout.trim().split('\n');
    const ours = ['Node and its libraries', 'git-sidecar', 'made by the build'];
    const packages = contents.parts.map(({ name }) => name).filter((name) => !ours.includes(name));
    expect(packages.filter((name) => !known.includes(name))).toEqual([]);
  });

  test('the bill of materials has each of them, Node with what is compiled into it and what it loads, and the bundle’s packages', () => {
    interface Component {
      readonly type: string;
      readonly name: string;
      readonly version?: string;
      readonly purl?: string;
      readonly hashes?: readonly { readonly content: string }[];
      readonly components?: readonly { readonly name: string }[];
    }
    const { components } = JSON.parse(inImage('cat /sbom.cdx.json').stdout) as { components: Component[] };
    const of = (kind: string): Component[] => components.filter(({ purl }) => purl?.startsWith(`pkg:${kind}/`));
    const { stdout: status } = inImage("sed -n 's/^Package: //p;s/^Version: //p' /var/lib/dpkg/status | paste - -");
    expect(
      of('deb')
        .map(({ name, version }) => `${name}\t${version}`)
        .sort(),
    ).toEqual(status.trim().split('\n').sort());
    const ours = ['Node and its libraries', 'git-sidecar', 'made by the build'];
    const owners = contents.parts.map(({ name }) => name).filter((name) => !ours.includes(name));
    expect(owners.filter((name) => !of('deb').some((each) => each.name === name))).toEqual([]);
    const bundle = JSON.parse(readFileSync('dist/sbom.cdx.json', 'utf8')) as { components: Component[] };
    expect(of('npm')).toEqual(expect.arrayContaining(bundle.components));
    expect(of('npm')).toHaveLength(bundle.components.length);
    const [node] = of('generic');
    expect(contents.madeOf).toContain(`Node v${node?.version}`);
    expect(node?.components?.map(({ name }) => name)).toEqual(expect.arrayContaining(['v8', 'openssl', 'uv']));
    const files = components.filter(({ type }) => type === 'file');
    const sums = files.map(({ name, hashes }) => `${hashes?.[0]?.content}  ${name}`).sort();
    const { stdout } = inImage('sha256sum /opt/git-sidecar/lib/*.so*');
    expect(stdout.trim().split('\n').sort()).toEqual(sums);
  });

  test('git writes files in the encodings that .gitattributes may name', () => {
    const { stdout, stderr } = inImage(
      [
        'set -e; cd /tmp; git init -q r; cd r; git config user.email a@b; git config user.name n',
        "printf '*.a text working-tree-encoding=UTF-16LE-BOM\\n*.b text working-tree-encoding=EUC-KR\\n' > .gitattributes",
        "printf '*.c text working-tree-encoding=SHIFT_JIS\\n*.d text working-tree-encoding=CP1252\\n' >> .gitattributes",
        "printf '\\377\\376h\\0' > a.a; printf '\\260\\241' > b.b; printf '\\202\\240' > c.c; printf '\\344' > d.d",
        'git add .; git commit -qm x; rm *.?; git checkout -q .; od -An -tx1 a.a b.b c.c d.d',
      ].join('\n'),
    );
    expect(stdout.replace(/\s+/g, ' '), stderr).toBe(' ff fe 68 00 b0 a1 82 a0 e4 ');
  });

  test('git fetches submodules, whose part of git is a shell script', () => {
    const { stdout, stderr } = inImage(
      [
        'set -e; cd /tmp; export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=protocol.file.allow GIT_CONFIG_VALUE_0=always',
        'for r in part whole; do git init -q $r; git -C $r config user.email a@b; git -C $r config user.name n; done',
        'echo one > part/a; git -C part add a; git -C part commit -qm a',
        'git -C whole submodule --quiet add /tmp/part sub; git -C whole commit -qm b',
        'git clone -q --recurse-submodules whole copy; cat copy/sub/a',
      ].join('\n'),
    );
    expect(stdout, stderr).toBe('one\n');
  });

  test('Node has come without its symbols, which are as large as git', () => {
    expect(inImage("grep -c -a '\\.symtab' /opt/git-sidecar/bin/node").stdout).toBe('0\n');
  });
});
