// npm run lint: looks at package-lock.json for what would let a registry, a mirror or a pull request bring other code than
// was reviewed. `node scripts/audit-lock.js FILE` looks at another one. `--signatures` has npm verify the registry's
// signatures too, where the registry offers keys; where it does not, or does not answer in time (`--signatures=SECONDS`),
// that is printed and is no failure. A signature that is wrong or missing is one.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Packages that may run a script when they are installed, and why. */
const MAY_RUN_SCRIPTS = {
  esbuild: 'puts its own program into the place of the one that only starts it',
};

/** SPDX names. All of them let us ship the code in the bundle. */
const LICENCES = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
  'Zlib',
]);
/** Tools that are not in the bundle: changes of their files would have to be published. */
const MAY_BE_MPL = /^(?:lightningcss(?:-|$)|axe-core$)/;

const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;
const EXACT = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;

function nameOf(path) {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

function isAllowed(expression, name) {
  const one = (word) => LICENCES.has(word) || (word === 'MPL-2.0' && MAY_BE_MPL.test(name));
  const text = expression.replace(/^\((.*)\)$/, '$1');
  if (text.includes(' OR ')) return text.split(' OR ').some((part) => isAllowed(part, name));
  return text.split(' AND ').every(one);
}

function faultsOfPackage(path, entry) {
  const faults = [];
  if (entry.link) faults.push('is a link to a directory');
  if (!SHA512.test(entry.integrity ?? '')) faults.push('has no sha512 integrity');
  if (entry.resolved !== undefined) faults.push(`names where it comes from: ${entry.resolved}`);
  if (!EXACT.test(entry.version ?? '')) faults.push(`has no exact version: ${entry.version}`);
  if (entry.hasInstallScript && !Object.hasOwn(MAY_RUN_SCRIPTS, nameOf(path)))
    faults.push('runs a script when it is installed, and is not in the list of those that may');
  if (!isAllowed(entry.license ?? 'none', nameOf(path))) faults.push(`has the licence ${entry.license}`);
  return faults.map((fault) => `${nameOf(path)} ${fault}`);
}

/** Addresses, repositories and directories in the place of a version. */
function faultsOfRequests(path, entry) {
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
  return kinds.flatMap((kind) =>
    Object.entries(entry[kind] ?? {})
      .filter(([, version]) => /[:/]/.test(version.replace(/^npm:/, '')))
      .map(([name, version]) => `${path === '' ? 'package.json' : nameOf(path)} asks for ${name} at ${version}`),
  );
}

function faultsOf(lock) {
  if (lock.lockfileVersion !== 3) return [`lockfileVersion is ${lock.lockfileVersion} and not 3`];
  const packages = Object.entries(lock.packages ?? {});
  if (packages.length < 2) return ['it has no packages'];
  const scripts = new Set(
    packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path)),
  );
  const idle = Object.keys(MAY_RUN_SCRIPTS).filter((name) => !scripts.has(name));
  const ours = lock.packages[''] ?? {};
  const asked = [ours.dependencies, ours.devDependencies].flatMap((each) => Object.entries(each ?? {}));
  const loose = asked.filter(([, version]) => !EXACT.test(version));
  return [
    ...packages.flatMap(([path, entry]) => (path === '' ? [] : faultsOfPackage(path, entry))),
    ...packages.flatMap(([path, entry]) => faultsOfRequests(path, entry)),
    ...loose.map(([name, version]) => `package.json does not pin ${name}: ${version}`),
    ...idle.map((name) => `${name} may run scripts here and has none`),
  ];
}

/** @returns whether npm found a signature that is wrong or missing */
function verifySignatures(seconds) {
  const { status, stdout, stderr, error } = spawnSync('npm', ['audit', 'signatures'], {
    encoding: 'utf8',
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
  });
  const said = `${stdout ?? ''}${stderr ?? ''}`.trim();
  const bad = /\b(?:invalid|missing) (?:registry )?(?:signature|attestation)/i.test(said);
  if (status === 0) process.stdout.write(`${said}\n`);
  else if (bad) process.stderr.write(`${said}\n`);
  else process.stdout.write(`signatures are not verified: ${error?.message ?? said.split('\n')[0] ?? 'npm failed'}\n`);
  return bad;
}

const words = process.argv.slice(2);
const file = words.find((word) => !word.startsWith('--')) ?? 'package-lock.json';
const faults = faultsOf(JSON.parse(readFileSync(file, 'utf8')));
for (const fault of faults) process.stderr.write(`${file}: ${fault}\n`);
const [, asked] = words.map((word) => /^--signatures(?:=(\d+))?$/.exec(word)).find(Boolean) ?? [];
const isAsked = words.some((word) => word.startsWith('--signatures'));
const isForged = isAsked && verifySignatures(Number(asked ?? 240));
process.exit(faults.length > 0 || isForged ? 1 : 0);
