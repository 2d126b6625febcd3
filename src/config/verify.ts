import { type Oid, parseOid } from '../model/oid.ts';
import type { Settings } from './settings.ts';
import type { SignersRule, VerifyConfig } from './sync-config.ts';
import { refuseIf } from './validation.ts';

/** A relay has not all of these options. */
const isOn = (settings: Settings, name: string): boolean => settings.has(name) && settings.flag(name);

function oidOf(settings: Settings, name: 'verify-since' | 'allow-rewind'): Oid | undefined {
  const text = settings.has(name) ? settings.text(name) : '';
  const oid = parseOid(text);
  refuseIf(text !== '' && !oid, `--${name} ${JSON.stringify(text)} is no full object id (40 or 64 hex digits)`, false);
  return oid;
}

/** `PATTERN=SIGNER,SIGNER`; the subject of a certificate may hold an equals sign, a name of a ref hardly ever does. */
function signersRule(text: string): SignersRule {
  const at = text.indexOf('=');
  const pattern = text.slice(0, Math.max(0, at)).trim();
  const names = text
    .slice(at + 1)
    .split(',')
    .map((name) => name.trim());
  refuseIf(
    !/^(?:refs\/|HEAD$|\*)/.test(pattern) || names.some((name) => name === ''),
    `--verify-signers ${JSON.stringify(text)} is not PATTERN=SIGNER,…, such as refs/heads/main=alice@example.com`,
    false,
  );
  return { pattern, names };
}

/**
 * What the options of verification say; undefined when nothing has to be verified.
 * @throws InvalidOption
 */
export function verifyConfig(settings: Settings): VerifyConfig | undefined {
  const what = settings.text('verify');
  const fastForwardOnly = isOn(settings, 'fast-forward-only');
  const keys = settings.list('verify-keys').filter((path) => path !== '');
  const isVerified = what !== 'off';
  refuseIf(isVerified && keys.length === 0, `--verify=${what} needs --verify-keys`, false);
  // Keys that nothing is compared with would look like safety.
  const idle = ['verify-keys', 'verify-signers', 'verify-range', 'verify-submodules'].find((name) =>
    settings.isOn(name),
  );
  refuseIf(!isVerified && idle !== undefined, `--${idle} needs --verify`, false);
  if (!isVerified && !fastForwardOnly) return undefined;
  const commit = what === 'commit' || what === 'tag-and-commit';
  const [range, submodules] = [isOn(settings, 'verify-range'), isOn(settings, 'verify-submodules')];
  refuseIf(range && !commit, '--verify-range needs --verify=commit or --verify=tag-and-commit', false);
  refuseIf(submodules && !commit, '--verify-submodules needs --verify=commit or --verify=tag-and-commit', false);
  return {
    commit,
    tag: what === 'tag' || what === 'tag-and-commit',
    keys,
    signers: settings
      .list('verify-signers')
      .filter((text) => text !== '')
      .map(signersRule),
    since: oidOf(settings, 'verify-since'),
    range,
    submodules,
    fastForwardOnly,
    allowRewind: oidOf(settings, 'allow-rewind'),
  };
}
