import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { writeLsRefs } from '../../../src/remote/wire/ls-refs.ts';
import { type Attack, atRate } from '../attack.ts';
import { ask, headOf, hold, PROTOCOL_V2 } from '../client.ts';

const execute = promisify(execFile);

/** A repository of very many refs, one of which moves every second; a stream follows all of them, and clients list them. */
export const manyRefs: Attack = {
  name: 'very many refs',
  run: async (target, tally, signal) => {
    const name = `${target.own}/refs.git`;
    const body = writeLsRefs({ prefixes: [], objectFormat: 'sha1', agent: 'bench' });
    const following = atRate(1, 1, signal, async () => {
      await hold(target, signal, headOf(target, `GET /events?repo=${name}`), (socket) => void socket.resume());
    });
    const listing = atRate(0.5, 2, signal, async () => {
      const path = `/git/${name}/git-upload-pack`;
      await ask(target, tally, signal, { path, method: 'POST', headers: PROTOCOL_V2, body });
    });
    const moving = atRate(1, 1, signal, async (index) => {
      const commit = index % 2 === 0 ? 'refs/heads/main' : 'refs/heads/main^';
      await execute('git', ['--git-dir', target.refsDirectory, 'update-ref', 'refs/heads/branch-0000000', commit]);
    });
    await Promise.all([following, listing, moving]);
  },
};
