import type { AnswerConfig } from '../../../config/answer-config.ts';
import type { ForgeApi } from './forge-api.ts';
import { GitHubDeployments } from './github-deployments.ts';
import { githubStatus } from './github-status.ts';

export function github({ api, environment }: AnswerConfig): ForgeApi {
  const deployments = environment === undefined ? undefined : new GitHubDeployments(api, environment);
  // Of a status whose deployment failed, so that it is not sent again with that.
  let taken = '';
  return {
    send: async (status, ask) => {
      const question = githubStatus(api, status);
      const text = `${question.url} ${question.body}`;
      if (text !== taken) await ask(question);
      taken = text;
      await deployments?.send(status, ask);
    },
    headersFor: (token) => ({ authorization: `Bearer ${token}` }),
    hints: {
      401: 'GitHub does not know the token: has it expired or been revoked? Replace what is in token-file.',
      403: 'The token needs “Commit statuses: read and write”, and for deployments “Deployments: read and write”; a classic token needs repo:status and repo_deployment. Check SSO and IP rules too.',
      404: 'The token does not see the repository: give it access, or correct repository and url of the entry.',
      other:
        'GitHub does not take the content: is the commit there, under the same owner and name? A commit takes 1000 statuses of one context.',
    },
  };
}
