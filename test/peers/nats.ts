import { type ChildProcess, spawn } from 'node:child_process';
import { stopAll } from './children.ts';
import { freePort, listening } from './ports.ts';
import { findProgram } from './programs.ts';

export interface NatsServer {
  readonly url: string;
  /** Ends it hard and starts it again at the same place. */
  restart(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A nats-server with JetStream on disk. */
export async function startNats(directory: string, args: readonly string[] = []): Promise<NatsServer> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const where = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', directory];
    child = spawn(findProgram('nats-server') ?? 'nats-server', [...where, ...args], {
      stdio: 'ignore',
      detached: true,
    });
    await listening(port);
  };
  const kill = async (): Promise<void> => {
    const gone = new Promise((done) => child?.once('exit', done));
    child?.kill('SIGKILL');
    await gone;
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    start,
    kill,
    restart: async () => {
      await kill();
      await start();
    },
    stop: async () => await stopAll(child ? [child] : []),
  };
}
