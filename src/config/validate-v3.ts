import { parseRemoteUrl } from '../remote/url.ts';
import type { Settings } from './settings.ts';
import { checkHookTimes, checkWord, refuseIf } from './validation.ts';

/** What 3.1.1 checks, in its order (compat.md 1.4). Files are checked by the caller, behind this. */
function checkV31(settings: Settings): void {
  refuseIf(settings.text('repo') === '', '--repo must be set');
  refuseIf(settings.text('dest').includes('/'), '--dest must be a bare name');
  refuseIf(
    settings.flag('ssh') && hasPasswordOptions(settings),
    'only one of --ssh and a user name, password or cookie file may be used',
    false,
  );
}

function hasPasswordOptions(settings: Settings): boolean {
  const texts = ['username', 'password', 'password-file', 'askpass-url'];
  return settings.flag('cookie-file') || texts.some((name) => settings.text(name) !== '');
}

/** What 3.3.5 checks, in its order (compat.md 1.4). */
function checkV335(settings: Settings): void {
  refuseIf(settings.text('repo') === '', '--repo must be set');
  refuseIf(settings.number('depth') < 0, '--depth must be 0 or more');
  checkWord(settings, 'submodules', ['recursive', 'shallow', 'off']);
  refuseIf(settings.text('root') === '', '--root must be set');
  refuseIf(settings.text('dest').includes('/'), '--dest must be a bare name');
  refuseIf(settings.number('wait') < 0, '--wait must be 0 or more');
  refuseIf(settings.number('timeout') < 0, '--timeout must be 0 or more');
  if (settings.text('webhook-url') !== '') {
    refuseIf(settings.number('webhook-success-status') < -1, '--webhook-success-status must be a status or -1');
    checkHookTimes(settings, 'webhook');
  }
  if (settings.text('exechook-command') !== '' || settings.text('sync-hook-command') !== '')
    checkHookTimes(settings, 'exechook');
  refuseIf(
    settings.text('password') !== '' && settings.text('password-file') !== '',
    'only one of --password and --password-file may be set',
    false,
  );
  refuseIf(
    settings.text('username') !== '' && settings.text('password') === '' && settings.text('password-file') === '',
    '--username needs --password or --password-file',
  );
  if (!settings.flag('ssh')) return;
  refuseIf(
    hasPasswordOptions(settings),
    'only one of --ssh and --username, --password, --password-file, --askpass-url or --cookie-file may be used',
    false,
  );
  refuseIf(
    settings.list('ssh-key-file').every((path) => path === ''),
    '--ssh-key-file must be set with --ssh',
  );
  refuseIf(
    settings.flag('ssh-known-hosts') && settings.text('ssh-known-hosts-file') === '',
    '--ssh-known-hosts-file must be set, or --ssh-known-hosts=false',
  );
}

export function validateV3(settings: Settings): void {
  if (settings.mode === 'v3.1') checkV31(settings);
  else checkV335(settings);
  parseRemoteUrl(settings.text('repo'));
}
