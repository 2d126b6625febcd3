// Loaded before the bundle by `node --require`. Numbers each file-system operation and each child process of the
// program, and kills the program after the one that CRASH_AT names. A point is named by what is done on which path and
// by how often that was done before, so that its name is the same in every run, whatever runs beside it.
//
// CRASH_AREA: the directory in which operations matter. CRASH_LOG: the file that gets the name of each point.
// CRASH_NAMES: JSON, from object ids to the words that stand for them.
const fs = require('node:fs');
const child = require('node:child_process');
const { basename, normalize, resolve } = require('node:path');

const { CRASH_AREA: area, CRASH_LOG: log, CRASH_AT: chosen, CRASH_NAMES: names } = process.env;
for (const name of ['CRASH_AREA', 'CRASH_LOG', 'CRASH_AT', 'CRASH_NAMES', 'NODE_OPTIONS']) delete process.env[name];
const { openSync, readlinkSync, writeSync } = fs;
const logFile = openSync(log, 'a');
const words = Object.entries(JSON.parse(names)).filter(([oid]) => oid !== '');
const counts = new Map();

function nameOf(point) {
  const count = (counts.get(point) ?? 0) + 1;
  counts.set(point, count);
  return `${point} #${count}`;
}

function pass(name) {
  writeSync(logFile, `${name}\n`);
  if (name === chosen) process.kill(process.pid, 'SIGKILL');
}

/** Where a path or a descriptor leads; undefined outside of the area. */
function placeOf(path) {
  let text = Buffer.isBuffer(path) ? path.toString('latin1') : String(path);
  if (typeof path === 'number') text = `/proc/self/fd/${path}`;
  const [, descriptor, rest = ''] = /^\/proc\/self\/fd\/(\d+)(.*)$/s.exec(text) ?? [];
  if (descriptor !== undefined) {
    try {
      text = readlinkSync(`/proc/self/fd/${descriptor}`, 'latin1') + rest;
    } catch {
      return undefined;
    }
  }
  text = normalize(resolve(text)).replace(/ \(deleted\)$/, '');
  return text.startsWith(`${area}/`) ? text.slice(area.length + 1) : undefined;
}

/** A place without what differs from run to run. */
function shown(place) {
  let text = place;
  for (const [oid, word] of words) text = text.replaceAll(oid, word);
  return text
    .replace(/[0-9a-f]{12,}/g, '*')
    .replace(/(git-sidecar-\*)-\w{6}\b/g, '$1-*')
    .replaceAll('\n', '\\n');
}

function pointOf(what, paths) {
  const places = paths.map(placeOf);
  if (places.some((place) => place === undefined)) return undefined;
  return `${what} ${places.map(shown).join(' -> ')}`;
}

const FIRST = (path) => [path];
const BOTH = (from, to) => [from, to];
const SECOND = (_target, path) => [path];
const O_CREATING = fs.constants.O_CREAT | fs.constants.O_TRUNC;

/** Operations on paths: which of their arguments are places that they change. */
const ON_PATHS = {
  ...Object.fromEntries(['rename', 'copyFile', 'link', 'cp'].map((name) => [name, BOTH])),
  ...Object.fromEntries(['unlink', 'rmdir', 'rm', 'mkdir', 'mkdtemp', 'truncate'].map((name) => [name, FIRST])),
  ...Object.fromEntries(['chmod', 'chown', 'lchown', 'utimes', 'lutimes'].map((name) => [name, FIRST])),
  symlink: SECOND,
  open: (path, flags = 'r') => {
    const creates = typeof flags === 'number' ? (flags & O_CREATING) !== 0 : /^[wa]/.test(flags);
    return creates ? [path] : [];
  },
};
/** Operations that write data, which may be cut off in the middle. */
const WRITING = ['write', 'writev', 'writeFile', 'appendFile'];
const ON_DESCRIPTORS = ['ftruncate', 'fchmod', 'fchown', 'futimes'];

/** The first half of the data that is written. */
function half([target, data, ...rest]) {
  const short = data.slice(0, Math.floor(data.length / 2));
  // Bytes of a buffer are given by offset and length.
  const numbers = typeof rest[1] === 'number' ? [rest[0], Math.floor(rest[1] / 2), ...rest.slice(2)] : rest;
  return [target, typeof rest[1] === 'number' ? data : short, ...numbers];
}

let depth = 0;

/** Runs `work`, which may give a promise, and passes `point` behind it. What is called within is a part of it. */
function around(point, work) {
  if (depth > 0 || point === undefined) return work();
  depth += 1;
  let result;
  try {
    result = work();
  } finally {
    depth -= 1;
  }
  const name = nameOf(point);
  if (typeof result?.then !== 'function') {
    pass(name);
    return result;
  }
  return result.then((value) => {
    pass(name);
    return value;
  });
}

function instrument(object, method, pathsOf, what, writes) {
  const original = object[method];
  if (typeof original !== 'function') return;
  object[method] = function instrumented(...args) {
    const paths = pathsOf.call(this, ...args);
    const point = depth > 0 || paths.length === 0 ? undefined : pointOf(what, paths);
    if (point === undefined) return original.apply(this, args);
    const callback = args.at(-1);
    if (typeof callback === 'function' && object === fs && !method.endsWith('Sync')) {
      const name = nameOf(point);
      args[args.length - 1] = (...results) => {
        pass(name);
        callback(...results);
      };
      return original.apply(this, args);
    }
    // A temporary file gets its name when it is whole: half of it is like any other that was left.
    if (writes && !point.includes('.tmp-git-sidecar.')) {
      const torn = nameOf(`half of ${point}`);
      writeSync(logFile, `${torn}\n`);
      if (torn === chosen) {
        const [, ...cut] = writes.isHandle ? half([undefined, ...args]) : half(args);
        const done = original.apply(this, writes.isHandle ? cut : [args[0], ...cut]);
        if (typeof done?.then !== 'function') process.kill(process.pid, 'SIGKILL');
        return done.then(() => process.kill(process.pid, 'SIGKILL'));
      }
    }
    return around(point, () => original.apply(this, args));
  };
}

for (const [name, pathsOf] of Object.entries(ON_PATHS)) {
  for (const [object, method] of [
    [fs, `${name}Sync`],
    [fs, name],
    [fs.promises, name],
  ]) {
    // Opening gives a handle whose methods are instrumented as well.
    if (object === fs.promises && name === 'open') continue;
    instrument(object, method, pathsOf, name, undefined);
  }
}
for (const name of ON_DESCRIPTORS) {
  instrument(fs, `${name}Sync`, FIRST, name, undefined);
  instrument(fs, name, FIRST, name, undefined);
}
for (const name of WRITING) {
  instrument(fs, `${name}Sync`, FIRST, name, {});
  if (name !== 'write' && name !== 'writev') instrument(fs.promises, name, FIRST, name, {});
  instrument(fs, name, FIRST, name, undefined);
}

let hasHandles = false;
function instrumentHandles(handle) {
  if (hasHandles) return;
  hasHandles = true;
  const methods = Object.getPrototypeOf(handle);
  function own() {
    return [this.fd];
  }
  for (const name of WRITING) instrument(methods, name, own, name, name === 'writev' ? undefined : { isHandle: true });
  for (const name of ['truncate', 'chmod', 'chown', 'utimes']) instrument(methods, name, own, name, undefined);
}
const openHandle = fs.promises.open;
fs.promises.open = async function open(path, flags, ...rest) {
  const handle = await openHandle.call(this, path, flags, ...rest);
  instrumentHandles(handle);
  const paths = ON_PATHS.open(path, flags);
  const point = paths.length === 0 ? undefined : pointOf('open', paths);
  if (point !== undefined) pass(nameOf(point));
  return handle;
};

const { spawn } = child;
child.spawn = function instrumented(file, args, ...rest) {
  const [command = ''] = args;
  const point = `${basename(file)} ${shown(String(command).replaceAll(area, ''))}`;
  const started = spawn.call(this, file, args, ...rest);
  const [begun, ended] = [nameOf(`start of ${point}`), nameOf(`end of ${point}`)];
  started.once('exit', () => pass(ended));
  if (started.pid !== undefined) pass(begun);
  return started;
};
