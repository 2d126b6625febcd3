import { EXIT, type Io } from '../app/outcome.ts';
import { COMMAND_TEXTS, findCommand } from '../config/command.ts';
import { EVERY_COMMAND } from '../config/option.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { suggest } from '../config/suggest.ts';
import { VERSION } from '../platform/version.ts';
import { COMMANDS } from './commands.ts';
import { perform } from './perform.ts';

function usage(): string {
  const lines = [...COMMAND_TEXTS, { name: 'version', summary: 'print the version' }].map(
    ({ name, summary }) => `  ${name.padEnd(8)}  ${summary}\n`,
  );
  return `usage: git-sidecar COMMAND [options]\n\n${lines.join('')}\ngit-sidecar COMMAND --help shows the options of a command.\n`;
}

function isConfigured(env: EnvironmentVariables): boolean {
  return Object.keys(env).some((name) => name === 'GITSYNC_REPO' || name === 'GIT_SYNC_REPO');
}

/** `git-sidecar COMMAND …`. Flags without a command mean `sync`, as an old git-sync command line has them. */
export async function main(argv: readonly string[], env: EnvironmentVariables, io: Io): Promise<number> {
  const [word, ...rest] = argv;
  if (word === 'version' || word === '--version') {
    io.stdout(`${VERSION}\n`);
    return EXIT.ok;
  }
  if (word === 'help' || word === '--help' || word === '-h') {
    io.stdout(usage());
    return EXIT.ok;
  }
  const isBare = word === undefined ? isConfigured(env) : word.startsWith('-');
  const name = isBare ? 'sync' : findCommand(word ?? '');
  if (name !== undefined)
    return await perform(COMMANDS[name], isBare ? argv : rest, `git-sidecar ${name}`, { env, cwd: process.cwd(), io });
  const nearest = suggest(word ?? '', [...EVERY_COMMAND, 'version', 'help']);
  const reason = `git-sidecar: no command ${JSON.stringify(word)}${nearest ? `; did you mean ${nearest}?` : ''}\n\n`;
  io.stderr(`${word === undefined ? '' : reason}${usage()}`);
  return EXIT.usage;
}
