import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { mostOpenFiles, withOpenFiles } from './open-files.ts';
import { end } from './scene.ts';

/** When each of them got one event, in milliseconds of the monotonic clock. */
export interface Notice {
  readonly commit: string;
  readonly times: readonly number[];
}

/** Streams that another process holds. */
export interface Subscribers {
  /** The notice of `commit`, as soon as all of them have it. */
  told(commit: string): Promise<Notice>;
  stop(): Promise<void>;
}

const PATIENCE_MS = 120_000;

export interface SubscribersStart {
  readonly port: number;
  readonly repository: string;
  readonly count: number;
  /** Of the loopback network, for ports of its own. */
  readonly address: string;
}

/** @returns when all streams are open */
export async function startSubscribers({ port, repository, count, address }: SubscribersStart): Promise<Subscribers> {
  const script = [process.execPath, resolve('bench/subscribers.js'), `${port}`, repository, `${count}`, address];
  const [file = '', ...words] = [...withOpenFiles(mostOpenFiles()), ...script];
  const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const notices = new Map<string, Notice>();
  let onLine = (): void => undefined;
  let isReady = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'ready') isReady = true;
    else {
      const notice = JSON.parse(line) as Notice;
      notices.set(notice.commit, notice);
    }
    onLine();
  });
  /** Looks only when something came: to look again and again would cost what is measured. */
  const wait = async <T>(what: string, find: () => T | undefined): Promise<T> =>
    await new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`timed out waiting until ${what}`)), PATIENCE_MS);
      onLine = () => {
        const found = find();
        if (found === undefined) return;
        clearTimeout(timer);
        done(found);
      };
      onLine();
    });
  await wait('the streams are open', () => isReady || undefined);
  return {
    told: async (commit) => await wait('all of them have the event', () => notices.get(commit)),
    stop: async () => await end(child),
  };
}
