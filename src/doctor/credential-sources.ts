import { redactUrl } from '../platform/redact.ts';
import type { GitAccess } from '../remote/git-access.ts';
import { describeIdentity } from '../remote/identity/describe-identity.ts';
import { helperName } from '../remote/identity/program-line.ts';

/** Where credentials come from, without anything that is secret. */
export function sourcesOf(access: GitAccess): string[] {
  const { credentials, askpassUrl, githubApp, identity, credentialHelpers, cookieFile } = access;
  return [
    ...credentials.map(({ username, passwordFile, url }) =>
      passwordFile === undefined ? `${username} for ${redactUrl(url)}` : `${username} with ${passwordFile}`,
    ),
    ...(askpassUrl === undefined ? [] : [`the service at ${new URL(askpassUrl).origin}`]),
    ...(githubApp === undefined ? [] : ['the GitHub App']),
    ...(identity === undefined ? [] : [describeIdentity(identity)]),
    ...(credentialHelpers?.lines ?? []).map((line) => `the credential helper ${helperName(line)}`),
    ...(cookieFile === undefined ? [] : [`cookies in ${cookieFile}`]),
  ];
}
