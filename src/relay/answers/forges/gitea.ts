import type { AnswerConfig } from '../../../config/answer-config.ts';
import { boundedText } from '../bounded-text.ts';
import type { StatusState } from '../commit-status.ts';
import { jsonQuestion, type Question } from '../question.ts';
import { type ForgeApi, ownerAndName, type ShownStatus } from './forge-api.ts';

/** `CommitStatusState`; Forgejo has the same. */
const STATES: Readonly<Record<StatusState, string>> = {
  pending: 'pending',
  running: 'pending',
  success: 'success',
  failure: 'failure',
  stopped: 'error',
};
const MOST_CHARACTERS = 255;

/** `repoCreateStatus` of the API. @throws OddRepository */
function giteaStatus(api: string, status: ShownStatus): Question {
  const { repository, oid, state, text, context, page } = status;
  const body = {
    state: STATES[state],
    description: boundedText(text, MOST_CHARACTERS),
    context: boundedText(context, MOST_CHARACTERS),
  };
  const url = `${api}/repos/${ownerAndName(repository, 'OWNER/NAME').join('/')}/statuses/${oid}`;
  return jsonQuestion(url, { ...body, ...(page !== undefined && { target_url: page }) });
}

export function gitea({ api }: AnswerConfig): ForgeApi {
  return {
    send: async (status, ask) => void (await ask(giteaStatus(api, status))),
    headersFor: (token) => ({ authorization: `token ${token}` }),
    hints: {
      401: 'The server does not know the token: has it been removed? Replace what is in token-file.',
      403: 'The token needs the scope write:repository, and its user write access to the repository.',
      404: 'The token does not see the repository, or the commit is not there: correct repository and url of the entry.',
      other: 'The server does not take the content; the detail says what is wrong.',
    },
  };
}
