import { SidecarError, systemCode } from '../model/error.ts';

/** The machine failed, not the revision: tried again, and never left out. */
export class MachineFailure extends SidecarError {}

/** No room, no memory, no process, no file descriptor, a broken or read-only disk (errno(3)). */
const MACHINE_CODES = ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE'];

/** The texts with which programs report these failures, and that a name cannot be resolved. */
const MACHINE_WORDS =
  /No space left on device|Disk quota exceeded|Input\/output error|Cannot allocate memory|Resource temporarily unavailable|Cannot fork|Too many open files|Could not resolve host|Temporary failure in name resolution|\bE(?:NOSPC|DQUOT|NOMEM|MFILE|NFILE)\b|\bEAI_AGAIN\b|\bspawn \S+ EAGAIN\b/;

/** A system call failed for want of something that the machine gives. */
export function isMachineError(error: unknown): boolean {
  if (MACHINE_CODES.includes(systemCode(error) ?? '')) return true;
  return error instanceof Error && error.cause !== undefined && isMachineError(error.cause);
}

export function soundsLikeMachine(output: string): boolean {
  return MACHINE_WORDS.test(output);
}

/** Whether trying the same revision again would end in the same way. */
export function isRevisionsFault(error: SidecarError): boolean {
  if (error instanceof MachineFailure || isMachineError(error)) return false;
  return error.facts.revision !== undefined;
}
