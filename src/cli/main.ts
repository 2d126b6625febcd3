import { EXIT, type Io } from '../app/outcome.ts';
import { readProgram } from '../config/process-input.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { suggest } from '../config/suggest.ts';
import { VERSION } from '../platform/version.ts';
import { syncCommand } from './sync.ts';

const USAGE = `usage: git-sidecar COMMAND [options]

  run       run a command from what a sync publishes, and deploy each new revision
  rollback  send a run back to the release before
  install   put a self-contained copy where another image can run it
  relay     one client of the git server for a whole fleet of sidecars
  sync      keep a directory equal to a git ref (drop-in for git-sync)
  demo      a git server, a sample repository and a sync of it, all on this machine
  version   print the version

git-sidecar COMMAND --help tells more.
`;

/** `git-sidecar COMMAND …`. Flags without a command mean `sync`, as an old git-sync command line has them. */
export async function main(argv: readonly string[], env: EnvironmentVariables, io: Io): Promise<number> {
  const [command, ...rest] = argv;
  if (command === undefined) {
    const configured = Object.keys(env).some((name) => name === 'GITSYNC_REPO' || name === 'GIT_SYNC_REPO');
    if (configured) return await syncCommand([], env, 'git-sidecar sync', io);
    io.stderr(USAGE);
    return EXIT.usage;
  }
  if (command === 'sync') return await syncCommand(rest, env, 'git-sidecar sync', io);
  if (command === 'run') {
    const { runCommand } = await import('./run.ts');
    return await runCommand(rest, env, process.cwd(), io);
  }
  if (command === 'relay') {
    const { relayCommand } = await import('./relay.ts');
    return await relayCommand(rest, env, io);
  }
  if (command === 'install') {
    const { installCommand } = await import('./install.ts');
    return await installCommand(rest, readProgram(), process.cwd(), io);
  }
  if (command === 'up') {
    const { upCommand } = await import('./up.ts');
    return await upCommand(rest, env, io);
  }
  if (command === 'rollback') {
    const { rollbackCommand } = await import('./rollback.ts');
    return await rollbackCommand(rest, env, process.cwd(), io);
  }
  if (command === 'demo') {
    if (rest.length > 0) {
      io.stdout(
        'usage: git-sidecar demo\n\nStarts a git server with a sample repository and a sync of it; takes no options. Ctrl-C ends it.\n',
      );
      return rest[0] === '--help' || rest[0] === '-h' ? EXIT.ok : EXIT.usage;
    }
    const { demoCommand } = await import('./demo.ts');
    return await demoCommand(env, io);
  }
  if (command === 'version' || command === '--version') {
    io.stdout(`${VERSION}\n`);
    return EXIT.ok;
  }
  if (command === 'help' || command === '--help' || command === '-h') {
    io.stdout(USAGE);
    return EXIT.ok;
  }
  if (command.startsWith('-')) return await syncCommand(argv, env, 'git-sidecar sync', io);
  const nearest = suggest(command, ['sync', 'run', 'rollback', 'relay', 'install', 'demo', 'version', 'help']);
  io.stderr(
    `git-sidecar: no command ${JSON.stringify(command)}${nearest ? `; did you mean ${nearest}?` : ''}\n\n${USAGE}`,
  );
  return EXIT.usage;
}
