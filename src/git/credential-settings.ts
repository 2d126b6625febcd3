import { byPrecedence, type Credential, credentialOrigin } from '../model/credential.ts';
import type { GitSetting } from './config-file.ts';

/**
 * A credential helper (gitcredentials, "CUSTOM HELPERS") that prints what two variables hold.
 * It stays silent when the URL names another user.
 */
function helper(index: number): string {
  const [user, secret] = [`$GIT_SIDECAR_USERNAME_${index}`, `$GIT_SIDECAR_PASSWORD_${index}`];
  return (
    `!f() { test "$1" = get || exit 0; ` +
    `while IFS= read -r line; do case "$line" in username=*) test "\${line#username=}" = "${user}" || exit 0;; '') break;; esac; done; ` +
    `printf 'username=%s\\npassword=%s\\n' "${user}" "${secret}"; }; f`
  );
}

/** The same for another scheme than Basic. A git that knows no such scheme (before 2.46) gets nothing. */
function schemeHelper(index: number): string {
  return (
    `!f() { test "$1" = get || exit 0; known=; ` +
    `while IFS= read -r line; do case "$line" in 'capability[]=authtype') known=1;; '') break;; esac; done; ` +
    `test -n "$known" || exit 0; ` +
    `printf 'capability[]=authtype\\nauthtype=%s\\ncredential=%s\\n' "$GIT_SIDECAR_USERNAME_${index}" "$GIT_SIDECAR_PASSWORD_${index}"; }; f`
  );
}

/** git credential knows URLs of any scheme, also those that git itself needs no password for; a path or an scp-like address is none. */
const HAS_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * Makes `credentials` known to git and to everything git starts: the configuration holds URLs and a helper that
 * reads the environment, the environment holds the secrets. Nothing secret is written to a file or put on a
 * command line. For each credential its own URL comes first, then, as with git-sync's cache, its whole host.
 */
export function credentialSettings(credentials: readonly Credential[]): {
  readonly settings: readonly GitSetting[];
  readonly variables: Readonly<Record<string, string>>;
} {
  const ordered = byPrecedence(credentials).filter((credential) => HAS_SCHEME.test(credential.url));
  const variables: Record<string, string> = {};
  const exact: GitSetting[] = [];
  const byHost: GitSetting[] = [];
  ordered.forEach((credential, index) => {
    const { signer, scheme } = credential;
    const [url, host] = [credential.url.replace(/\/+$/, ''), credentialOrigin(credential)];
    if (signer) {
      Object.assign(variables, signer.variables);
      byHost.push(
        { key: `credential.${host}.helper`, value: signer.line },
        { key: `credential.${host}.useHttpPath`, value: 'true' },
      );
      return;
    }
    variables[`GIT_SIDECAR_USERNAME_${index}`] = scheme ?? credential.username;
    variables[`GIT_SIDECAR_PASSWORD_${index}`] = credential.password;
    const value = scheme === undefined ? helper(index) : schemeHelper(index);
    exact.push({ key: `credential.${url}.helper`, value });
    byHost.push({ key: `credential.${host}.helper`, value });
  });
  return { settings: [...exact, ...byHost], variables };
}

/**
 * Makes git ask `helpers`, but not for hosts that `credentials` has one for: git would tell them to forget what it was
 * refused with, and that may not be what they have by now. An empty value empties the list of helpers
 * (git-config, "credential.helper").
 */
export function helperSettings(helpers: readonly string[], credentials: readonly Credential[]): GitSetting[] {
  if (helpers.length === 0) return [];
  const hosts = new Set(credentials.filter(({ url }) => HAS_SCHEME.test(url)).map(credentialOrigin));
  return [
    ...helpers.map((value) => ({ key: 'credential.helper', value })),
    ...[...hosts].map((host) => ({ key: `credential.${host}.helper`, value: '' })),
  ];
}
