import { parseRemoteUrl } from '../remote/url.ts';
import type { Settings } from './settings.ts';
import { identityAlone, obtainsPassword } from './validate-v4.ts';
import { checkSettings, mustBeSet, type Rule, refuseIf, rowsOf } from './validation.ts';

const bareName: Rule = (settings) => refuseIf(settings.text('dest').includes('/'), '--dest must be a bare name');

function hasPasswordOptions(settings: Settings): boolean {
  return ['username', 'password', 'password-file', 'askpass-url', 'cookie-file'].some((name) => settings.isOn(name));
}

const sshAlone: Rule = (settings) =>
  refuseIf(
    settings.flag('ssh') && hasPasswordOptions(settings),
    'only one of --ssh and --username, --password, --password-file, --askpass-url or --cookie-file may be used',
    false,
  );

const onePassword: Rule = (settings) => {
  const [password, file] = [settings.isOn('password'), settings.isOn('password-file')];
  refuseIf(password && file, 'only one of --password and --password-file may be set', false);
  const isObtained = password || file || obtainsPassword(settings);
  refuseIf(settings.isOn('username') && !isObtained, '--username needs --password or --password-file');
};

const sshFiles: Rule = (settings) => {
  if (!settings.flag('ssh')) return;
  refuseIf(!settings.isOn('ssh-key-file'), '--ssh-key-file must be set with --ssh');
  refuseIf(
    settings.flag('ssh-known-hosts') && !settings.isOn('ssh-known-hosts-file'),
    '--ssh-known-hosts-file must be set, or --ssh-known-hosts=false',
  );
};

/** What 3.1.1 checks, in its order (compat.md 1.4). Files are checked by the caller, behind this. */
const V31_RULES: readonly Rule[] = [mustBeSet('repo'), bareName, identityAlone, sshAlone];

/** What 3.3.5 checks, in its order (compat.md 1.4). */
const V3_RULES: readonly Rule[] = [
  mustBeSet('repo'),
  rowsOf('depth', 'submodules'),
  mustBeSet('root'),
  bareName,
  rowsOf('wait', 'timeout'),
  rowsOf('webhook-success-status', 'webhook-timeout', 'webhook-backoff', 'exechook-timeout', 'exechook-backoff'),
  onePassword,
  identityAlone,
  sshAlone,
  sshFiles,
];

export function validateV3(settings: Settings): void {
  checkSettings(settings, settings.mode === 'v3.1' ? V31_RULES : V3_RULES);
  parseRemoteUrl(settings.text('repo'));
}
