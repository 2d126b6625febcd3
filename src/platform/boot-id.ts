import { readFile } from 'node:fs/promises';

/** Identity of this boot of the machine (proc(5)); empty where the system does not say it. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();
}
