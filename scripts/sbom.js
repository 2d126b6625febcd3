// A software bill of materials of the bundle, in CycloneDX 1.5: the packages whose code is in it.
import { readFileSync } from 'node:fs';

/** The package directory that a bundled file is in; undefined for our own files. */
function packageOf(path) {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
}

/**
 * @param {string[]} files that esbuild put into the bundle, relative to the repository
 * @returns {string} a JSON document; the same for the same packages
 */
export function renderSbom(name, version, files) {
  const directories = [...new Set(files.map(packageOf).filter(Boolean))].sort();
  const components = directories.map((directory) => {
    const manifest = JSON.parse(readFileSync(`${directory}/package.json`, 'utf8'));
    return {
      type: 'library',
      name: manifest.name,
      version: manifest.version,
      purl: `pkg:npm/${manifest.name.replace('@', '%40')}@${manifest.version}`,
      licenses: [{ license: { id: manifest.license } }],
    };
  });
  const component = { type: 'application', name, version, licenses: [{ license: { id: 'Apache-2.0' } }] };
  const document = { bomFormat: 'CycloneDX', specVersion: '1.5', version: 1, metadata: { component }, components };
  return `${JSON.stringify(document, null, 2)}\n`;
}
