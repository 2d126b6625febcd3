// What the image is made of, as one CycloneDX document: the bill of the bundle, and beside it Node with the libraries that
// are compiled into it, the libraries that it loads, and each Debian package of which files are there. Runs in the stage of
// deploy/Containerfile that has all of them; the same for the same files, so it has no date and no number of its own.
//
//   node sbom.js BUNDLE-BILL IMAGE NODE > DOCUMENT
const { createHash } = require('node:crypto');
const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

const [bill, image, node] = process.argv.slice(2);

function fieldsOf(paragraph) {
  const lines = paragraph.split('\n').filter((line) => /^[A-Za-z-]+: /.test(line));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
}

function osRelease() {
  const text = readFileSync(join(image, 'etc/os-release'), 'utf8');
  const value = (name) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { id: value('ID'), version: value('VERSION_ID') };
}

function debianPackages() {
  const { id, version } = osRelease();
  return readFileSync(join(image, 'var/lib/dpkg/status'), 'utf8')
    .split('\n\n')
    .map(fieldsOf)
    .filter(({ Package: name }) => name !== undefined)
    .map(({ Package: name, Version: release, Architecture: architecture }) => ({
      type: 'library',
      name,
      version: release,
      purl: `pkg:deb/${id}/${name}@${encodeURIComponent(release)}?arch=${architecture}&distro=${id}-${version}`,
    }));
}

function nodeItself() {
  const { node: version, modules: _abi, napi: _napi, ...compiledIn } = process.versions;
  const components = Object.entries(compiledIn)
    .filter(([, release]) => /\d/.test(release))
    .map(([name, release]) => ({ type: 'library', name, version: release }));
  return { type: 'platform', name: 'node', version, purl: `pkg:generic/node@${version}`, components };
}

function librariesOfNode() {
  const directory = join(node, 'lib');
  return readdirSync(directory)
    .filter((name) => name.includes('.so'))
    .sort()
    .map((name) => {
      const content = createHash('sha256').update(readFileSync(join(directory, name))).digest('hex');
      return { type: 'file', name: `/opt/git-sidecar/lib/${name}`, hashes: [{ alg: 'SHA-256', content }] };
    });
}

const byPurl = (one, other) => ((one.purl ?? one.name) < (other.purl ?? other.name) ? -1 : 1);
const bundle = JSON.parse(readFileSync(bill, 'utf8'));
const components = [...bundle.components, nodeItself(), ...librariesOfNode(), ...debianPackages()].sort(byPurl);
const document = { ...bundle, metadata: { component: { ...bundle.metadata.component, type: 'container' } }, components };
process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
