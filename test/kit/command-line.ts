import type { Io } from '../../src/app/outcome.ts';
import { main } from '../../src/cli/main.ts';

/** What a command line printed, and its status. */
export interface CommandLine {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of `git-sidecar` in this process. @param more what else it may write to */
export async function commandLine(
  words: readonly string[],
  env: Readonly<Record<string, string>> = { HOME: '/nonexistent' },
  more: Partial<Io> = {},
): Promise<CommandLine> {
  const said = { stdout: '', stderr: '' };
  const io: Io = {
    stdout: (text) => {
      said.stdout += text;
    },
    stderr: (text) => {
      said.stderr += text;
    },
    stderrIsTerminal: false,
    ...more,
  };
  return { status: await main(words, env, io), ...said };
}
