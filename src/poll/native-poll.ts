import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { CompatMode } from '../config/option.ts';
import type { GitSetting } from '../git/config-file.ts';
import type { Git } from '../git/git.ts';
import type { HttpAccess } from '../platform/http-connection.ts';
import type { GitAccess } from '../remote/git-access.ts';
import { type HttpSettings, readHttpSettings, UnsupportedHttpSetting } from '../remote/http-settings.ts';
import { UploadPack } from '../remote/upload-pack.ts';
import type { RemoteUrl } from '../remote/url.ts';

/** What has a say in how one git server is asked. */
export interface ServerAccess extends Pick<GitAccess, 'environment' | 'cookieFile' | 'gitConfig' | 'gitConfigAdd'> {
  readonly mode: CompatMode;
  readonly remote: RemoteUrl;
  readonly withoutDefaults: HttpAccess['withoutDefaults'];
}

/** v3 lets `$HOME/.gitconfig` have its say (compat.md 6); v4 does not. */
export async function userGitConfig(config: Pick<ServerAccess, 'mode' | 'environment'>): Promise<string | undefined> {
  if (config.mode === 'v4' || !config.environment.HOME) return undefined;
  const path = join(config.environment.HOME, '.gitconfig');
  return await access(path).then(
    () => path,
    () => undefined,
  );
}

/** Settings that the user's variables carry (git-config, "GIT_CONFIG_COUNT"). */
function settingsFromVariables(env: Readonly<Record<string, string>>): GitSetting[] {
  const count = Number(env.GIT_CONFIG_COUNT ?? '0') || 0;
  return Array.from({ length: Math.min(count, 1000) }, (_, index) => ({
    key: env[`GIT_CONFIG_KEY_${index}`] ?? '',
    value: env[`GIT_CONFIG_VALUE_${index}`] ?? '',
  }));
}

async function readConfigFile(git: Git, path: string): Promise<GitSetting[]> {
  const { stdout } = await git.run(['config', '--file', path, '--includes', '--list', '-z'], {
    op: 'read',
    target: path,
  });
  return stdout
    .split('\0')
    .filter(Boolean)
    .map((entry) => {
      const end = entry.indexOf('\n');
      return end < 0 ? { key: entry, value: 'true' } : { key: entry.slice(0, end), value: entry.slice(end + 1) };
    });
}

/**
 * What git's settings say about talking HTTP to `url`.
 * @throws UnsupportedHttpSetting when only git itself can honour them
 */
export async function httpSettingsFor(config: ServerAccess, git: Git, url: string): Promise<HttpSettings> {
  const { environment } = config;
  if (environment.GIT_CONFIG_PARAMETERS) throw new UnsupportedHttpSetting('GIT_CONFIG_PARAMETERS');
  const file = await userGitConfig(config);
  const settings = [
    ...(file === undefined ? [] : await readConfigFile(git, file)),
    ...(config.cookieFile === undefined ? [] : [{ key: 'http.cookieFile', value: config.cookieFile }]),
    ...config.gitConfig,
    ...config.gitConfigAdd,
    ...settingsFromVariables(environment),
  ];
  if (settings.some(({ key }) => /^include(?:if)?\./i.test(key)) && file === undefined)
    throw new UnsupportedHttpSetting('include.path');
  return { ...readHttpSettings(new URL(url), settings, environment), withoutDefaults: config.withoutDefaults };
}

/** How a git server is asked natively; or not, and why. */
export interface NativePoll {
  readonly native: UploadPack | undefined;
  readonly reason?: string;
}

/** The native poll for this remote, or the reason why git has to ask. */
export async function createNativePoll(
  config: ServerAccess,
  git: Git,
  agent: string,
  now: () => number,
): Promise<NativePoll> {
  const { transport, fetchUrl } = config.remote;
  if (transport !== 'http') return { native: undefined, reason: `the transport is ${transport}` };
  try {
    return {
      native: new UploadPack({ url: fetchUrl, settings: await httpSettingsFor(config, git, fetchUrl), agent, now }),
    };
  } catch (error) {
    if (error instanceof UnsupportedHttpSetting) return { native: undefined, reason: `${error.message} is set` };
    throw error;
  }
}
