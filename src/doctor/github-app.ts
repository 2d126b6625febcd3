import type { HttpClient } from '../platform/http-client.ts';
import type { GitHubAppConfig } from '../remote/git-access.ts';
import { requestInstallationToken } from '../remote/github-app.ts';
import type { Check, Examination } from './examination.ts';
import { ok, wrong } from './finding.ts';
import type { Parts } from './parts.ts';

/** Levels that let git read a repository. */
const ENOUGH: readonly (string | undefined)[] = ['read', 'write', 'admin'];

/** Whether GitHub gives the App a token, and whether that may read repositories. */
export function checkGitHubApp(
  examination: Examination,
  app: GitHubAppConfig,
  http: HttpClient,
  { clock, redactor }: Parts,
): Check {
  return examination.check({
    name: 'github app',
    target: `App ${app.issuer}, installation ${app.installationId} at ${new URL(app.baseUrl).host}`,
    mend: 'see whether this host is reachable from here: `curl -v URL`, --github-base-url',
    look: async (signal) => {
      const { token, permissions } = await requestInstallationToken(app, http, clock.now(), signal);
      redactor.addRenewed(token);
      if (!permissions) return ok('a token was given; its permissions were not');
      const list = Object.entries(permissions).map(([name, level]) => `${name}:${level}`);
      if (ENOUGH.includes(permissions.contents)) return ok(`a token was given, with ${list.join(' ')}`);
      return wrong(
        `the token may not read repositories (permissions: ${list.join(' ') || 'none'})`,
        'give the App the repository permission Contents: Read-only, and accept it in the installation',
      );
    },
  });
}
