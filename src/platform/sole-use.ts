import { randomBytes } from 'node:crypto';
import { linkSync, renameSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { systemCode } from '../model/error.ts';
import { HeldDirectory } from './held-directory.ts';

const NAME = '.in-use';

/** Nobody else uses it. */
function ownName(): string {
  return `${NAME}.${randomBytes(8).toString('hex')}`;
}

/** A directory that no other process uses until `release`. */
export interface SoleUse {
  /** The process that used it before was killed. */
  readonly wasInterrupted: boolean;
  release(): void;
}

/** Only the kernel’s word that nobody listens is a no: a process that is busy may let us wait. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(systemCode(error) ?? '')));
  });
}

async function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // Whoever wants the directory may be another user.
    server.listen({ path, writableAll: true }, resolve);
  });
  return server.unref();
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone already.
  }
}

/** Gives our socket its name, unless there is one. */
function tryToName(own: string, shared: string): boolean {
  try {
    linkSync(own, shared);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Takes the name from a socket that nobody listens on. @returns false when somebody does */
async function takeName(directory: HeldDirectory, own: string, shared: string): Promise<boolean> {
  if (await isAnswered(shared)) return false;
  // Two that find the same dead socket cannot both have this one, and neither removes that of the other.
  const former = `${directory.at(ownName())}`;
  try {
    renameSync(shared, former);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    return tryToName(own, shared);
  }
  if (await isAnswered(former)) {
    tryToName(former, shared);
    removeQuietly(former);
    return false;
  }
  removeQuietly(former);
  return tryToName(own, shared);
}

/**
 * Makes sure that one process at a time uses a directory. A socket says so on which the process listens: the kernel
 * closes it however the process ends, and it is seen from other containers of the same machine.
 *
 * @returns undefined when another process uses it
 * @throws system errors as they come
 */
export async function takeSoleUse(path: string): Promise<SoleUse | undefined> {
  // The path of a socket is short (unix(7)); this one leads there through an open directory.
  const directory = HeldDirectory.open(path);
  const [shared, own] = [`${directory.at(NAME)}`, `${directory.at(ownName())}`];
  let server: Server | undefined;
  try {
    server = await listen(own);
    const isFree = tryToName(own, shared);
    const isOurs = isFree || (await takeName(directory, own, shared));
    removeQuietly(own);
    if (!isOurs) {
      server.close();
      directory.close();
      return undefined;
    }
    const listening = server;
    let isHeld = true;
    return {
      wasInterrupted: !isFree,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        removeQuietly(shared);
        listening.close();
        directory.close();
      },
    };
  } catch (error) {
    server?.close();
    removeQuietly(own);
    directory.close();
    throw error;
  }
}
