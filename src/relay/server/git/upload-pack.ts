import type { Git, GitRunOptions } from '../../../git/git.ts';
import type { PackQuestion } from './pack-question.ts';

/** Depth and filter are ours to allow. What is wanted was checked before, for v2 git itself never does. */
const SETTINGS = ['-c', 'uploadpack.allowFilter=true', '-c', 'uploadpack.allowAnySHA1InWant=true'];

/** git's way to say that a client asks for what there is not: an error packet comes first. */
const REFUSAL = /^[0-9a-f]{4}ERR /;

export interface UploadPackRun extends Pick<GitRunOptions, 'timeoutMs' | 'signal' | 'niceness' | 'stdoutSink'> {
  /** Besides, `-c NAME=VALUE` each. */
  readonly settings: readonly string[];
}

/** Has git answer a question (git-upload-pack). @returns the status that it ended with: 0, 1 or 128 */
export async function askUploadPack(
  git: Git,
  { gitDir, body, protocol }: PackQuestion,
  { settings, ...run }: UploadPackRun,
): Promise<number> {
  const args = [...SETTINGS, ...settings, 'upload-pack', '--strict', '--stateless-rpc', gitDir];
  const asked = { op: 'answer from', target: gitDir, stdin: body, accept: [1, 128], ...run };
  const { code } = await git.run(args, {
    ...asked,
    ...(protocol === 2 && { env: { GIT_PROTOCOL: 'version=2' } }),
  });
  return code;
}

/** @param head the first bytes of what git answered */
export function isRefusal(head: string): boolean {
  return REFUSAL.test(head);
}
