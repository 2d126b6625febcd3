import { randomBytes } from 'node:crypto';
import { type Attack, atRate, type Tally } from '../attack.ts';
import { ask, headOf, hold } from '../client.ts';
import type { Target } from '../target.ts';

const REPOSITORIES = 500;
const eventsOf = (name: string): string => `GET /events?repo=${name}`;

async function stream(target: Target, tally: Tally, signal: AbortSignal, head: string, leave: boolean): Promise<void> {
  let status = 'closed';
  await hold(target, signal, head, (socket) =>
    socket.on('data', (chunk: Buffer) => {
      if (status === 'closed') status = /^HTTP\/1.1 (\d+)/.exec(chunk.toString('latin1', 0, 20))?.[1] ?? 'nonsense';
      if (leave) socket.destroy();
    }),
  );
  tally.add(status);
}

/** 500 streams, each of a repository that does not exist, opened again as soon as they end. */
export const absentRepositories: Attack = {
  name: 'streams of nothing',
  run: async (target, tally, signal) => {
    await atRate(50, REPOSITORIES, signal, async (index) => {
      const name = `${target.own}/absent-${index % REPOSITORIES}.git`;
      await stream(target, tally, signal, headOf(target, eventsOf(name)), false);
    });
  },
};

/** Streams that are opened and closed, each under a new name; some with a date that there is not, or in another's name. */
export const randomReports: Attack = {
  name: 'reports under new names',
  run: async (target, tally, signal) => {
    await atRate(50, 50, signal, async (index) => {
      const name = randomBytes(90).toString('hex');
      const at = index % 10 === 0 ? 1e308 : Date.now();
      const revision = { ref: `refs/heads/${name}`, oid: randomBytes(20).toString('hex'), at };
      const foreign = target.foreignStreams[index % target.foreignStreams.length] ?? '';
      const replaces = index % 3 === 0 ? foreign : undefined;
      const report = JSON.stringify({ stream: name, instance: name, replaces, published: revision, running: revision });
      const head = headOf(target, eventsOf(`${target.own}/big.git`), { 'git-sidecar-report': report });
      await stream(target, tally, signal, head, true);
      if (index % 5 > 0) return;
      const taken = JSON.stringify({ stream: foreign, instance: 'taken over', published: { ...revision, at: 1 } });
      await ask(target, tally, signal, { path: '/reports', method: 'POST', body: taken });
    });
  },
};
