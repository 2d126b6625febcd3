import type { AnswerConfig } from '../../../config/answer-config.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import { boundedText } from '../bounded-text.ts';
import type { StatusState } from '../commit-status.ts';
import { jsonQuestion, type Question } from '../question.ts';
import { basic, type ForgeApi, OddRepository, pathParts, type ShownStatus } from './forge-api.ts';

/** `GitStatusState`. */
const STATES: Readonly<Record<StatusState, string>> = {
  pending: 'pending',
  running: 'pending',
  success: 'succeeded',
  failure: 'failed',
  stopped: 'notApplicable',
};
const VERSION = '7.1';
const MOST_CHARACTERS = 255;
const GENRE = 'git-sidecar';

/**
 * `ORG/PROJECT/_git/NAME` of HTTPS, where PROJECT may be left out when it is NAME, and `v3/ORG/PROJECT/NAME` of ssh.
 * @throws OddRepository
 */
function azurePlace(repository: RepositoryName): { readonly project: readonly string[]; readonly name: string } {
  const parts = pathParts(repository);
  const at = parts.indexOf('_git');
  const name = parts[at + 1];
  if (at >= 0 && name !== undefined && parts.length === at + 2) {
    const before = parts.slice(0, at);
    // What stands before it is an organisation or a collection; one of visualstudio.com is in the host.
    const hasProject = before.length > 1 || (before.length === 1 && /\.visualstudio\.com(?::|\/)/.test(repository));
    return { project: hasProject ? before : [...before, name], name };
  }
  const [version, organisation, project, sshName] = parts;
  if (version !== 'v3' || organisation === undefined || project === undefined || sshName === undefined)
    throw new OddRepository(repository, 'ORG/PROJECT/_git/NAME');
  return { project: [organisation, project], name: sshName };
}

/** Git, “Statuses – Create”. @throws OddRepository */
function azureStatus(api: string, status: ShownStatus): Question {
  const { repository, oid, state, text, context, page } = status;
  const { project, name } = azurePlace(repository);
  const body = {
    state: STATES[state],
    description: boundedText(text, MOST_CHARACTERS),
    context: { genre: GENRE, name: boundedText(context, MOST_CHARACTERS) },
    ...(page !== undefined && { targetUrl: page }),
  };
  const place = [...project, '_apis', 'git', 'repositories', name].map(encodeURIComponent).join('/');
  const url = `${api}/${place}/commits/${oid}/statuses?api-version=${VERSION}`;
  // 203 is the page on which people sign in.
  return { ...jsonQuestion(url, body), wanted: [200, 201] };
}

/** A token of Microsoft Entra ID is a JSON Web Token; a personal access token is a password. */
function isWebToken(token: string): boolean {
  return /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(token);
}

export function azureDevOps({ api }: AnswerConfig): ForgeApi {
  return {
    send: async (status, ask) => void (await ask(azureStatus(api, status))),
    alwaysResets: true,
    headersFor: (token) => ({ authorization: isWebToken(token) ? `Bearer ${token}` : basic('', token) }),
    hints: {
      401: 'Azure DevOps does not know the token: has it expired? Replace what is in token-file.',
      403: 'The token needs the scope “Code (status)”, vso.code_status.',
      404: 'The token does not see the repository, or the commit is not there: correct repository and url of the entry.',
      other: 'Azure DevOps does not take the content; the detail says what is wrong.',
    },
  };
}
