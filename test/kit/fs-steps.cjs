'use strict';
// Loaded before a program (node --require). It numbers the calls that change files. FS_KILL=N: the process is killed
// (SIGKILL) instead of the Nth. FS_FULL=N: from the Nth on the disk is full.
const fs = require('node:fs');

const killAt = Number(process.env.FS_KILL ?? 0);
const fullFrom = Number(process.env.FS_FULL ?? Infinity);
let count = 0;

const NEEDS_ROOM = new Set(['copyFile', 'mkdir', 'symlink', 'open', 'writeFile', 'appendFile', 'write']);
const CHANGING = new Set([...NEEDS_ROOM, 'chmod', 'fchmod', 'futimes', 'lutimes', 'rename', 'rmdir', 'rm', 'unlink']);

/** @returns the error that the call gets; undefined: it may do its work */
function fault(name) {
  count += 1;
  if (count === killAt) process.kill(process.pid, 'SIGKILL');
  if (count < fullFrom || !NEEDS_ROOM.has(name)) return undefined;
  return Object.assign(new Error(`ENOSPC: no space left on device, ${name}`), { code: 'ENOSPC' });
}

/** Only an open that can make a file changes something. */
function isReading(name, args) {
  return name === 'open' && (typeof args[1] !== 'number' || (args[1] & fs.constants.O_CREAT) === 0);
}

for (const name of CHANGING) {
  const [sync, asynchronous] = [fs[`${name}Sync`], fs.promises[name]];
  fs[`${name}Sync`] = (...args) => {
    const error = isReading(name, args) ? undefined : fault(name);
    if (error) throw error;
    return sync(...args);
  };
  if (!asynchronous) continue;
  fs.promises[name] = async (...args) => {
    const reading = isReading(name, args);
    const error = reading ? undefined : fault(name);
    if (error) throw error;
    const result = await asynchronous(...args);
    if (name !== 'open' || reading) return result;
    const write = result.writeFile.bind(result);
    result.writeFile = async (...content) => {
      const problem = fault('writeFile');
      if (problem) throw problem;
      await write(...content);
    };
    return result;
  };
}
