import type { AnswerConfig } from '../../../config/answer-config.ts';
import { boundedText } from '../bounded-text.ts';
import type { StatusState } from '../commit-status.ts';
import { jsonQuestion, type Question } from '../question.ts';
import { boundedKey } from './bitbucket-key.ts';
import { basic, type ForgeApi, ownerAndName, type ShownStatus } from './forge-api.ts';

const STATES: Readonly<Record<StatusState, string>> = {
  pending: 'INPROGRESS',
  running: 'INPROGRESS',
  success: 'SUCCESSFUL',
  failure: 'FAILED',
  stopped: 'CANCELLED',
};
const LONGEST_KEY = 255;
const MOST_CHARACTERS = 255;

/** REST API, builds of a commit: one key has one status. @throws OddRepository */
function bitbucketDataCenterStatus(api: string, status: ShownStatus): Question {
  const { repository, oid, ref, state, text, context, page } = status;
  const [project, slug] = ownerAndName(repository, 'PROJECT/NAME');
  const body = {
    key: boundedKey(context, LONGEST_KEY),
    state: STATES[state],
    name: boundedText(context, MOST_CHARACTERS),
    description: boundedText(text, MOST_CHARACTERS),
    url: page,
    ref,
  };
  return jsonQuestion(`${api}/rest/api/latest/projects/${project}/repos/${slug}/commits/${oid}/builds`, body);
}

export function bitbucketDataCenter({ api }: AnswerConfig): ForgeApi {
  return {
    send: async (status, ask) => void (await ask(bitbucketDataCenterStatus(api, status))),
    headersFor: (token, user) => ({ authorization: user === undefined ? `Bearer ${token}` : basic(user, token) }),
    hints: {
      401: 'Bitbucket does not know the credential: an HTTP access token stands alone, a password needs user in the entry. Replace what is in token-file.',
      403: 'The token needs the permission to read the repository; with “Require write” for build statuses, to write it.',
      404: 'The token does not see the repository, or the commit is not there: correct repository and url of the entry.',
      other: 'Bitbucket does not take the content; the detail says what is wrong. It has to be version 7.14 or later.',
    },
  };
}
