import { setTimeout as delay } from 'node:timers/promises';
import { size, sizes } from '../size.ts';
import { median, ms, table } from '../statistics.ts';
import { mostOpenFiles } from './open-files.ts';
import { type RunningRelay, type Scene, startRelay, WINDOW_MS } from './scene.ts';
import { type Subscribers, startSubscribers } from './subscribers.ts';

const SIZES = sizes('BENCH_STREAMS', { full: [10_000, 50_000], smoke: [50] });
const PUSHES = size('BENCH_PUSHES', { full: 10, smoke: 2 });
const PROCESSES = 5;
/** What relay and subscribers need besides the streams. */
const OTHER_FILES = 500;
/** Connections that one loopback address may have to the same port: the usual range of ports for clients. */
const PORTS_OF_ADDRESS = 28_000;

interface Measured {
  readonly streams: number;
  readonly first: number;
  readonly p50: number;
  readonly p99: number;
  readonly last: number;
  /** How long a probe waited while events were sent. */
  readonly probe: number;
  readonly bytesOfStream: number;
  /** Of one core, in per cent. */
  readonly idle: number;
  /** Of the relay and its git processes for one push, in milliseconds. */
  readonly cpuOfPush: number;
  readonly notices: number;
}

function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

async function openStreams(relay: RunningRelay, repository: string, count: number): Promise<Subscribers[]> {
  const processes: Subscribers[] = [];
  for (let index = 0; index < PROCESSES; index += 1) {
    const share = Math.floor(count / PROCESSES);
    // One fleet behind one address is one principal; more than its ports need further ones.
    const address = count < PORTS_OF_ADDRESS ? '127.0.0.1' : `127.0.0.${index + 2}`;
    processes.push(await startSubscribers({ port: relay.port, repository, count: share, address }));
  }
  return processes;
}

/** The milliseconds from the webhook until each of them had the commit, in order; and what a probe took meanwhile. */
async function push(
  scene: Scene,
  relay: RunningRelay,
  processes: readonly Subscribers[],
  number: number,
): Promise<{ readonly took: number[]; readonly probe: number }> {
  const oid = scene.upstream.commit({ push: `streams ${processes.length} ${number}` });
  const told = Promise.all(processes.map((one) => one.told(oid)));
  const start = now();
  await relay.notify();
  const probe = await slowestProbe(relay, told);
  const took = (await told).flatMap(({ times }) => times.map((time) => time - start));
  return { took: took.sort((a, b) => a - b), probe };
}

/** One probe after the other, with pauses, until `end`: they are few, so that they cost next to nothing. */
async function slowestProbe(relay: RunningRelay, end: Promise<unknown>): Promise<number> {
  let isOver = false;
  void end.then(() => {
    isOver = true;
  });
  let slowest = 0;
  while (!isOver) {
    const before = now();
    await relay.probe();
    slowest = Math.max(slowest, now() - before);
    await delay(50);
  }
  return slowest;
}

async function measure(scene: Scene, wanted: number): Promise<Measured> {
  const fitting = Math.min(wanted, mostOpenFiles() - OTHER_FILES, PROCESSES * PORTS_OF_ADDRESS);
  const relay = await startRelay(scene, '1h', [`--max-subscribers=${fitting}`]);
  await delay(2000);
  const memory = async (): Promise<number> => await relay.metric('process_resident_memory_bytes');
  const before = await memory();
  const processes = await openStreams(relay, scene.name, fitting);
  await delay(3000);
  const after = await memory();
  const streams = await relay.metric('git_sidecar_relay_subscribers');
  const rounds: Awaited<ReturnType<typeof push>>[] = [];
  const cpuBefore = relay.group.cpuMs();
  for (let number = 0; number < PUSHES; number += 1) {
    rounds.push(await push(scene, relay, processes, number));
    await delay(200);
  }
  const cpuOfPush = (relay.group.cpuMs() - cpuBefore) / PUSHES;
  const idleBefore = relay.group.cpuMs();
  await delay(WINDOW_MS);
  const idle = ((relay.group.cpuMs() - idleBefore) / WINDOW_MS) * 100;
  await Promise.all(processes.map((one) => one.stop()));
  await relay.stop();
  const over = (part: number): number => median(rounds.map(({ took }) => quantile(took, part)));
  const measured = {
    ...{ streams, first: over(0), p50: over(0.5), p99: over(0.99), last: over(1) },
    ...{ probe: Math.max(...rounds.map(({ probe }) => probe)), bytesOfStream: (after - before) / streams, idle },
    ...{ cpuOfPush, notices: rounds.reduce((sum, { took }) => sum + took.length, 0) },
  };
  process.stderr.write(`${JSON.stringify(measured)}\n`);
  return measured;
}

export async function benchStreams(scene: Scene): Promise<string> {
  const measured: Measured[] = [];
  for (const count of SIZES) measured.push(await measure(scene, count));
  const notices = measured.reduce((sum, each) => sum + each.notices, 0);
  const short = measured.filter(({ streams }, index) => streams < (SIZES[index] ?? 0));
  const limit = short.map(({ streams }) => ` No more than ${streams} streams fit within the limits of this machine.`);
  return [
    '## One push to very many streams',
    `Event streams of one relay, held by ${PROCESSES} processes on the same two cores (beyond ${PORTS_OF_ADDRESS} streams each with a loopback address of its own); a process may have ${mostOpenFiles()} open files here.${limit.join('')} ${PUSHES} pushes, each announced by a webhook; medians of the milliseconds from the webhook being sent until the subscribers have the new commit: that is one request to the git server, one fetch, and the event. *Probe*: the slowest answer of \`/healthz\` meanwhile. *CPU of a push*: of the relay with its git processes, until the event is sent to all; nine tenths of the sending is the operating system’s, which on the loopback also takes the packet in for the receiver. Every one of the ${notices} notices arrived.`,
    table(
      [
        ...['streams', 'first, ms', 'p50, ms', 'p99, ms', 'last, ms', 'probe, ms'],
        ...['resident memory a stream, KiB', 'CPU of a push, ms', 'idle CPU of the relay'],
      ],
      measured.map(({ streams, first, p50, p99, last, probe, bytesOfStream, cpuOfPush, idle }) => [
        ...[`${streams}`, ms(first), ms(p50), ms(p99), ms(last), ms(probe)],
        ...[(bytesOfStream / 1024).toFixed(1), ms(cpuOfPush), `${idle.toFixed(1)} %`],
      ]),
    ),
  ].join('\n\n');
}
