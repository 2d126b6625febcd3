import type { AnswerConfig } from '../../../config/answer-config.ts';
import { boundedText } from '../bounded-text.ts';
import type { StatusState } from '../commit-status.ts';
import { type Answer, jsonQuestion, type Question } from '../question.ts';
import { shortRef } from '../rollout-event.ts';
import { type ForgeApi, OddRepository, pathParts, type ShownStatus } from './forge-api.ts';

const STATES: Readonly<Record<StatusState, string>> = {
  pending: 'pending',
  running: 'running',
  success: 'success',
  failure: 'failed',
  stopped: 'canceled',
};
const MOST_CHARACTERS = 255;
/** What GitLab answers when the status has this state already; only its text would be another one. */
const SAME_STATE = /Cannot transition status/i;

/** Commits API, “Set commit pipeline status”. @throws OddRepository */
function gitlabStatus(api: string, status: ShownStatus): Question {
  const { repository, oid, ref, state, text, context, page } = status;
  const parts = pathParts(repository);
  if (parts.length < 2) throw new OddRepository(repository, 'GROUP/PROJECT');
  const body = {
    state: STATES[state],
    ref: shortRef(ref),
    name: boundedText(context, MOST_CHARACTERS),
    description: boundedText(text, MOST_CHARACTERS),
  };
  const url = `${api}/projects/${encodeURIComponent(parts.join('/'))}/statuses/${oid}`;
  return jsonQuestion(url, { ...body, ...(page !== undefined && { target_url: boundedText(page, MOST_CHARACTERS) }) });
}

function hasStateAlready({ status, body }: Answer): boolean {
  return status === 400 && SAME_STATE.test(body);
}

export function gitlab({ api }: AnswerConfig): ForgeApi {
  return {
    send: async (status, ask) => void (await ask({ ...gitlabStatus(api, status), isGood: hasStateAlready })),
    alwaysResets: true,
    keepsText: true,
    headersFor: (token) => ({ 'private-token': token }),
    hints: {
      401: 'GitLab does not know the token: has it expired or been revoked? Replace what is in token-file.',
      403: 'The token needs the scope api and at least the role Developer in the project; on a protected branch that of those who may push or merge.',
      404: 'The token does not see the project, or the commit is not there: give it access, or correct repository and url of the entry.',
      other: 'GitLab does not take the content; the detail says what is wrong.',
    },
  };
}
