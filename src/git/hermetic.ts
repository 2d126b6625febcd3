import { join } from 'node:path';
import type { Credential } from '../model/credential.ts';
import { writeBelow } from '../platform/files-below.ts';
import { OWNER_VARIABLE, ownerMark } from '../platform/orphans.ts';
import { trustedAbove } from '../platform/private-directory.ts';
import type { Environment } from '../platform/process/runner.ts';
import { removeTree } from '../platform/remove-tree.ts';
import { type GitSetting, overrideSettings, renderGitConfig } from './config-file.ts';
import { credentialSettings, helperSettings } from './credential-settings.ts';
import type { GitMemory } from './memory.ts';
import { type SshOptions, sshCommand } from './ssh-command.ts';

export interface HermeticOptions {
  /** Private directory of this process. */
  readonly directory: string;
  readonly root: string;
  /** What git gets of the user's environment: no secrets of ours. */
  readonly inherited: Environment;
  /** What hooks get of it; default: the same. */
  readonly hooksInherit?: Environment;
  /** `--git-config`: in place of ours. */
  readonly overrides: readonly GitSetting[];
  /** Credential helpers that git asks for URLs that no credential is known for. */
  readonly helpers?: readonly string[];
  /** `--git-config-add`: beside ours. */
  readonly additions: readonly GitSetting[];
  /** Read first, as v3 did: `$HOME/.gitconfig`. */
  readonly includedConfig: string | undefined;
  readonly cookieFile: string | undefined;
  readonly lfs: boolean;
  readonly ssh: SshOptions;
  readonly memory?: GitMemory;
}

/** The surroundings that git runs in: one private configuration and a built environment. */
export interface HermeticGit {
  /** Takes new credentials; rewrites the configuration only when their URLs changed. */
  setCredentials(credentials: readonly Credential[]): Promise<void>;
  /** For git: with secrets, without prompts. */
  environment(): Environment;
  /** For credential helpers: the same without secrets. */
  helperEnvironment(): Environment;
  /** For hooks: what the user gave us, with our configuration so that git works in the worktree. */
  hookEnvironment(): Environment;
  readonly configFile: string;
  dispose(): Promise<void>;
}

/** Nobody is there to answer (git; Git Credential Manager). */
const NEVER_ASK = { GIT_ASKPASS: '/bin/false', SSH_ASKPASS: '/bin/false', GCM_INTERACTIVE: 'never' };

function baseSettings(options: HermeticOptions): GitSetting[] {
  const settings: GitSetting[] = [
    ...(options.includedConfig === undefined ? [] : [{ key: 'include.path', value: options.includedConfig }]),
    { key: 'safe.directory', value: '*' },
    { key: 'gc.autoDetach', value: 'false' },
    { key: 'gc.pruneExpire', value: 'now' },
    { key: 'gc.worktreePruneExpire', value: 'never' },
    { key: 'maintenance.auto', value: 'false' },
    { key: 'core.hooksPath', value: '/dev/null' },
    { key: 'core.fsmonitor', value: 'false' },
    { key: 'core.logAllRefUpdates', value: 'false' },
    { key: 'advice.detachedHead', value: 'false' },
    { key: 'protocol.version', value: '2' },
    // Two take three quarters more processor time, and memory, and are hardly sooner on a local disk.
    { key: 'checkout.workers', value: '1' },
  ];
  if (options.cookieFile !== undefined) settings.push({ key: 'http.cookieFile', value: options.cookieFile });
  if (options.lfs) {
    settings.push(
      { key: 'filter.lfs.clean', value: 'git-lfs clean -- %f' },
      { key: 'filter.lfs.smudge', value: 'git-lfs smudge -- %f' },
      { key: 'filter.lfs.process', value: 'git-lfs filter-process' },
      { key: 'filter.lfs.required', value: 'true' },
    );
  }
  return settings;
}

/** Writes the private configuration and returns the surroundings made of it (docs/adr/0007). */
export async function createHermeticGit(options: HermeticOptions): Promise<HermeticGit> {
  const configFile = join(options.directory, 'gitconfig');
  const trusted = trustedAbove(options.directory, options.root);
  let written: string | undefined;
  let secrets: Readonly<Record<string, string>> = {};

  const setCredentials = async (credentials: readonly Credential[]): Promise<void> => {
    const own = credentialSettings(credentials);
    secrets = own.variables;
    const base = overrideSettings(baseSettings(options), [...(options.memory?.settings ?? []), ...options.overrides]);
    const helpers = helperSettings(options.helpers ?? [], credentials);
    const text = renderGitConfig([...base, ...helpers, ...own.settings, ...options.additions]);
    if (text === written) return;
    await writeBelow({ root: trusted, path: configFile }, text, { mode: 0o600 });
    written = text;
  };
  await setCredentials([]);

  const shared = { GIT_CONFIG_GLOBAL: configFile, GIT_CONFIG_NOSYSTEM: '1' };
  const fixed = {
    ...options.inherited,
    ...shared,
    GIT_TERMINAL_PROMPT: '0',
    GIT_SSH_COMMAND: sshCommand(options.ssh),
    GIT_SSH_VARIANT: options.inherited.GIT_SSH_VARIANT ?? (options.ssh.command === undefined ? 'ssh' : 'auto'),
    LC_ALL: 'C',
    LANGUAGE: 'C',
    [OWNER_VARIABLE]: ownerMark(options.root, process.pid),
  };
  return {
    configFile,
    setCredentials,
    environment: () => ({ ...fixed, ...secrets }),
    helperEnvironment: () => ({ ...fixed, ...NEVER_ASK }),
    hookEnvironment: () => ({ ...(options.hooksInherit ?? options.inherited), ...shared }),
    dispose: async () => {
      await removeTree({ root: trusted, path: options.directory });
    },
  };
}
