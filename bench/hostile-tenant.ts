// The hostile tenant of `npm run bench -- tenants`, a process of its own: each attack in its turn, then all of them
// together. Writes a line of JSON at the beginning of each turn, and one with what came of the requests at the end.
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type Attack, Tally } from './tenants/attack.ts';
import { foreignRepositories, overviewReaders, slowConnections } from './tenants/attacks/connections.ts';
import {
  craftedPackets,
  differentFetches,
  idleReaders,
  malformedFetches,
  unknownWants,
} from './tenants/attacks/fetches.ts';
import { manyRefs } from './tenants/attacks/refs.ts';
import { absentRepositories, randomReports } from './tenants/attacks/streams.ts';
import type { Said, Target } from './tenants/target.ts';

const ATTACKS: readonly Attack[] = [
  craftedPackets,
  unknownWants,
  idleReaders,
  absentRepositories,
  randomReports,
  slowConnections,
  malformedFetches,
  overviewReaders,
  differentFetches,
  foreignRepositories,
  manyRefs,
];

const target = JSON.parse(process.argv[2] ?? '') as Target;
const chosen = (process.env.BENCH_ATTACKS ?? '').split(',').filter(Boolean);
const attacks = ATTACKS.filter(({ name }) => chosen.length === 0 || chosen.some((word) => name.includes(word)));
const tallies = new Map(attacks.map(({ name }) => [name, new Tally()]));
const say = (said: Said): void => void process.stdout.write(`${JSON.stringify(said)}\n`);

async function turn(name: string, those: readonly Attack[], ms: number): Promise<void> {
  say({ turn: name });
  const end = new AbortController();
  const work = those.map(
    async (attack) => await attack.run(target, tallies.get(attack.name) ?? new Tally(), end.signal),
  );
  await delay(ms);
  end.abort();
  await Promise.all(work);
}

// Many requests wait for the same signal.
setMaxListeners(0);
const half = (target.seconds * 1000) / 2;
for (const attack of attacks) await turn(attack.name, [attack], half / attacks.length);
await turn('all together', attacks, half);
const { user, system } = process.cpuUsage();
say({
  counts: Object.fromEntries([...tallies].map(([name, { counts }]) => [name, counts])),
  cpuMs: (user + system) / 1000,
});
