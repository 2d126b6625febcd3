import { CASE_HINTS } from '../model/case-hints.ts';

/** What ssh prints about a key that is not the known one (OpenSSH, sshconnect.c). */
const LINE = /^Offending \S+ key in (.+):(\d+)\s*$/m;
const HOST = /^Host key for (\S+) has changed/m;

/** Which line has the former key of a host, and how to remove it; undefined where ssh does not say. */
export function changedHostKey(stderr: string): { readonly detail: string; readonly hint: string } | undefined {
  const [, file, line] = LINE.exec(stderr) ?? [];
  const [, host] = HOST.exec(stderr) ?? [];
  if (file === undefined || host === undefined) return undefined;
  return {
    detail: `line ${line} of ${file} has another key of ${host}`,
    hint: `${CASE_HINTS.hostKeyChanged.hint} In a file that can be written, this removes the old line: \`ssh-keygen -R '${host}' -f '${file}'\``,
  };
}
