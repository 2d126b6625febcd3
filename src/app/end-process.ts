import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** Requests to the kernel that no signal of ours reaches, and for which Node waits when it exits. */
const BLOCKING = /^(?:FSReq|FileHandle|GetAddrInfo)/;
/** How long such a request may take once everything else is over. */
const LAST_REQUEST_MS = 300;

function isBlocked(): boolean {
  return process.getActiveResourcesInfo().some((name) => BLOCKING.test(name));
}

/** The signal that ends a process with this exit status, as shells count. */
function signalOf(status: number): NodeJS.Signals | undefined {
  const found = Object.entries(constants.signals).find(([, number]) => number === status - 128);
  return found?.[0] as NodeJS.Signals | undefined;
}

/**
 * Ends this process, also when the kernel does not answer: a file on a dead network drive, a pipe without a writer, a
 * name server that does not answer. Then Node's own way out waits for ever, so a signal ends it: the one that the
 * status stands for, else SIGKILL.
 */
export async function endProcess(status: number): Promise<void> {
  for (let waited = 0; waited < LAST_REQUEST_MS && isBlocked(); waited += 20) await delay(20);
  if (status !== 0 && isBlocked()) {
    const signal = signalOf(status) ?? 'SIGKILL';
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // It comes at once, except to process 1 of a container, which is deaf to signals of its own.
    await delay(100);
  }
  process.exit(status);
}
