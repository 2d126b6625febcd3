import { SidecarError } from '../model/error.ts';
import { findProgram } from '../platform/find-program.ts';

/** @throws SidecarError ERR_GIT_MISSING when `program` is no executable file, or on no directory of PATH */
export async function requireProgram(program: string, searchPath: string | undefined): Promise<void> {
  if (await findProgram(program, searchPath)) return;
  throw new SidecarError('ERR_GIT_MISSING', {
    op: 'find git',
    target: program,
    detail: program.includes('/') ? 'it is not an executable file' : 'it is in no directory of PATH',
  });
}
