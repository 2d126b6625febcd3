import type { GitSetting } from '../../git/config-file.ts';

function quote(word: string): string {
  return /^[\w./+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The line of shell that a credential helper is, without its operation (gitcredentials, "CUSTOM HELPERS"). */
export function helperLine(helper: string, git: string): string {
  if (helper.startsWith('!')) return helper.slice(1);
  return helper.startsWith('/') ? helper : `${quote(git)} credential-${helper}`;
}

/** A helper as it may be shown: without its arguments, which can hold secrets. */
export function helperName(helper: string): string {
  return helper.startsWith('!') ? 'in shell' : (helper.split(/\s/)[0] ?? '');
}

/**
 * `credential.useHttpPath` as git reads it for `url`: of several settings that match, the last one is used.
 * (git-config, "credential.*")
 */
export function usesPath(settings: readonly GitSetting[], url: string): boolean {
  const matching = settings.filter(({ key }) => {
    const found = /^credential\.(?:(.*)\.)?usehttppath$/is.exec(key);
    const place = found?.[1];
    if (!found) return false;
    return place === undefined || url === place || url.startsWith(`${place.replace(/\/+$/, '')}/`);
  });
  const value = matching.at(-1)?.value;
  return value !== undefined && !['false', 'no', 'off', '0', ''].includes(value.toLowerCase());
}
