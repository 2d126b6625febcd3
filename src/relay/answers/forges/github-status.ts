import { boundedText } from '../bounded-text.ts';
import type { StatusState } from '../commit-status.ts';
import { jsonQuestion, type Question } from '../question.ts';
import { ownerAndName, type ShownStatus } from './forge-api.ts';

/** REST API, “Commit statuses”: `error` is for what is not the commit’s fault. */
const STATES: Readonly<Record<StatusState, string>> = {
  pending: 'pending',
  running: 'pending',
  success: 'success',
  failure: 'failure',
  stopped: 'error',
};
/** Of a description, in characters. */
export const GITHUB_DESCRIPTION = 140;
export const GITHUB_HEADERS = { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' };

/** Where the API has a repository. @throws OddRepository */
export function githubRepository(api: string, { repository }: Pick<ShownStatus, 'repository'>): string {
  return `${api}/repos/${ownerAndName(repository, 'OWNER/NAME').join('/')}`;
}

/** “Create a commit status”. */
export function githubStatus(api: string, status: ShownStatus): Question {
  const { oid, state, text, context, page } = status;
  const body = { state: STATES[state], description: boundedText(text, GITHUB_DESCRIPTION), context };
  return jsonQuestion(
    `${githubRepository(api, status)}/statuses/${oid}`,
    { ...body, ...(page !== undefined && { target_url: page }) },
    GITHUB_HEADERS,
  );
}
