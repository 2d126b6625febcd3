import type { AnswerConfig } from '../../../config/answer-config.ts';
import { boundedText } from '../bounded-text.ts';
import type { StatusState } from '../commit-status.ts';
import { jsonQuestion, type Question } from '../question.ts';
import { shortRef } from '../rollout-event.ts';
import { boundedKey } from './bitbucket-key.ts';
import { basic, type ForgeApi, ownerAndName, type ShownStatus } from './forge-api.ts';

const STATES: Readonly<Record<StatusState, string>> = {
  pending: 'INPROGRESS',
  running: 'INPROGRESS',
  success: 'SUCCESSFUL',
  failure: 'FAILED',
  stopped: 'STOPPED',
};
const LONGEST_KEY = 40;
const MOST_CHARACTERS = 255;

/** Commit statuses, “Create a build status for a commit”: one key has one status. @throws OddRepository */
function bitbucketCloudStatus(api: string, status: ShownStatus): Question {
  const { repository, oid, ref, state, text, context, page } = status;
  const body = {
    key: boundedKey(context, LONGEST_KEY),
    state: STATES[state],
    name: boundedText(context, MOST_CHARACTERS),
    description: boundedText(text, MOST_CHARACTERS),
    url: page,
    refname: shortRef(ref),
  };
  const place = ownerAndName(repository, 'WORKSPACE/NAME').join('/');
  return jsonQuestion(`${api}/repositories/${place}/commit/${oid}/statuses/build`, body);
}

export function bitbucketCloud({ api }: AnswerConfig): ForgeApi {
  return {
    send: async (status, ask) => void (await ask(bitbucketCloudStatus(api, status))),
    headersFor: (token, user) => ({ authorization: user === undefined ? `Bearer ${token}` : basic(user, token) }),
    hints: {
      401: 'Bitbucket does not know the credential: an access token stands alone, an API token or app password needs user in the entry. Replace what is in token-file.',
      403: 'The token needs write access to repositories (repository:write).',
      404: 'The token does not see the repository, or the commit is not there: correct repository of the entry.',
      other: 'Bitbucket does not take the content; the detail says what is wrong.',
    },
  };
}
