import { randomBytes } from 'node:crypto';
import { readdirSync, renameSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { systemCode } from '../model/error.ts';
import { HeldDirectory } from './held-directory.ts';

/** A directory that no other process uses until `release`. */
export interface SoleUse {
  /** The process that used it before was killed. */
  readonly wasInterrupted: boolean;
  release(): void;
}

const NAME = /^\.in-use\.[0-9a-f]{16}$/;

/** What somebody else's socket says: he has the directory, he wants it too, or nobody listens any more. */
type Other = 'has it' | 'wants it' | 'dead';
const [HAS, WANTS] = ['+', '?'];

/** A process that does not answer in this time is busy, and has it. */
const PATIENCE_MS = 2000;
const PAUSE_MS = 5;

function ask(path: string): Promise<Other> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let said = '';
    const timer = setTimeout(() => end('has it'), PATIENCE_MS);
    const end = (other: Other): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(other);
    };
    socket.on('data', (chunk) => {
      said += chunk.toString();
    });
    // One that closes without a word is about to go.
    socket.once('end', () => end(said === HAS ? 'has it' : 'wants it'));
    // Only the kernel says for certain that nobody listens.
    socket.once('error', (error) =>
      end(['ECONNREFUSED', 'ENOENT'].includes(systemCode(error) ?? '') ? 'dead' : said === HAS ? 'has it' : 'wants it'),
    );
  });
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone already.
  }
}

/** A socket of our own in the directory, which says to everybody whether we have it. */
class Claim {
  readonly name = `.in-use.${randomBytes(8).toString('hex')}`;
  readonly #directory: HeldDirectory;
  #server: Server | undefined;
  #state = WANTS;

  constructor(directory: HeldDirectory) {
    this.#directory = directory;
  }

  async listen(): Promise<void> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(this.#state);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      // Whoever wants the directory may be another user.
      server.listen({ path: this.at(`${this.name}.new`), writableAll: true }, resolve);
    });
    this.#server = server.unref();
    // A socket gets its name before it listens, and would look dead in between.
    renameSync(this.at(`${this.name}.new`), this.at(this.name));
  }

  at(name: string): string {
    return `${this.#directory.at(name)}`;
  }

  others(): string[] {
    return readdirSync(this.#directory.itself).filter((name) => NAME.test(name) && name !== this.name);
  }

  win(): void {
    this.#state = HAS;
  }

  end(): void {
    removeQuietly(this.at(this.name));
    this.#server?.close();
    this.#directory.close();
  }
}

/**
 * Of two that want the directory at the same time, at least one sees the other, because each has its socket before it
 * looks. The one with the smaller name waits until the other has it or gives up; the one with the larger name gives up.
 */
async function settle(claim: Claim): Promise<{ readonly isOurs: boolean; readonly foundDead: boolean }> {
  let foundDead = false;
  for (const name of claim.others()) {
    for (;;) {
      const other = await ask(claim.at(name));
      if (other === 'dead') {
        // No process ever uses a name again, so it cannot have come to life.
        if (claim.others().includes(name)) foundDead = true;
        removeQuietly(claim.at(name));
        break;
      }
      if (other === 'has it' || name < claim.name) return { isOurs: false, foundDead };
      await delay(PAUSE_MS);
    }
  }
  return { isOurs: true, foundDead };
}

/**
 * Makes sure that one process at a time uses a directory. A socket in it says so on which the process listens: the
 * kernel closes it however the process ends, and other containers of the same machine see it too.
 *
 * @returns undefined when another process uses it
 * @throws system errors as they come
 */
export async function takeSoleUse(path: string): Promise<SoleUse | undefined> {
  // The path of a socket is short (unix(7)); this one leads there through an open directory.
  const claim = new Claim(HeldDirectory.open(path));
  try {
    await claim.listen();
    const { isOurs, foundDead } = await settle(claim);
    if (!isOurs) {
      claim.end();
      return undefined;
    }
    claim.win();
    let isHeld = true;
    return {
      wasInterrupted: foundDead,
      release: () => {
        if (isHeld) claim.end();
        isHeld = false;
      },
    };
  } catch (error) {
    claim.end();
    throw error;
  }
}
