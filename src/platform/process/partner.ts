import { spawn } from 'node:child_process';
import { ownNode } from './own-node.ts';

export interface PartnerSpec {
  /** A program of ours. */
  readonly program: string;
  /** Most memory for its JavaScript. */
  readonly heapMiB: number;
  readonly onMessage: (message: unknown) => void;
  /** Also when it could not be started. */
  readonly onExit: () => void;
}

/** A process of ours that works for this one, and ends with it. */
export interface Partner {
  /** What does not reach it, `onExit` follows. */
  send(message: object): void;
}

/** Does not keep a process that has nothing else to do. */
export function startPartner({ program, heapMiB, onMessage, onExit }: PartnerSpec): Partner {
  const node = ownNode();
  const child = spawn(node.file, [...node.args, `--max-old-space-size=${heapMiB}`, program], {
    // With a session of its own it gets no signal of a terminal.
    ...{ detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], serialization: 'advanced' },
    // As little memory as it can have: one arena of malloc(3).
    env: { MALLOC_ARENA_MAX: '1' },
  });
  child.unref();
  child.channel?.unref();
  child.on('message', onMessage).once('exit', onExit);
  child.on('error', () => {
    if (child.pid === undefined) onExit();
  });
  return { send: (message) => void child.send(message, () => undefined) };
}
