// Loaded into a program before its own code (`node --require`): kills it right before or after its n-th rename to a
// path that ends like that: KILLED_AT='before 1 /link'.
const fs = require('node:fs');

const { renameSync } = fs;
const [side, times = '0', ending = ''] = (process.env.KILLED_AT ?? '').split(' ');
let left = Number(times);

fs.renameSync = (from, to) => {
  const isIt = String(to).endsWith(ending);
  if (isIt) left -= 1;
  const kill = () => {
    if (isIt && left === 0) process.kill(process.pid, 'SIGKILL');
  };
  if (side === 'before') kill();
  const result = renameSync(from, to);
  if (side === 'after') kill();
  return result;
};
