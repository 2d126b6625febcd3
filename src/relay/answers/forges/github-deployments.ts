import { boundedText } from '../bounded-text.ts';
import type { StatusState } from '../commit-status.ts';
import { type Ask, jsonQuestion, type Question } from '../question.ts';
import type { ShownStatus } from './forge-api.ts';
import { GITHUB_DESCRIPTION, GITHUB_HEADERS, githubRepository } from './github-status.ts';

const STATES: Readonly<Record<StatusState, string>> = {
  pending: 'queued',
  running: 'in_progress',
  success: 'success',
  failure: 'failure',
  stopped: 'inactive',
};
const TASK = 'deploy';
/** Deployments whose number is remembered. */
const MOST_KNOWN = 500;

interface Deployment {
  readonly id: number;
  readonly description?: string | null;
}

/** REST API, “List deployments”: those of this commit and environment. */
function listQuestion(repository: string, { oid }: ShownStatus, environment: string): Question {
  const query = new URLSearchParams({ sha: oid, environment, task: TASK, per_page: '30' });
  return { method: 'GET', url: `${repository}/deployments?${query.toString()}`, headers: GITHUB_HEADERS };
}

/** “Create a deployment”: of this very commit, without a merge and without waiting for checks. */
function createQuestion(repository: string, { oid, context }: ShownStatus, environment: string): Question {
  const body = { ref: oid, task: TASK, auto_merge: false, required_contexts: [], environment };
  const question = jsonQuestion(`${repository}/deployments`, { ...body, description: nameOf(context) }, GITHUB_HEADERS);
  return { ...question, wanted: [201] };
}

/** “Create a deployment status”. */
function statusQuestion(
  repository: string,
  id: number,
  { state, text, page }: ShownStatus,
  environment: string,
): Question {
  const body = { state: STATES[state], description: boundedText(text, GITHUB_DESCRIPTION), environment };
  const question = `${repository}/deployments/${id}/statuses`;
  return jsonQuestion(question, { ...body, ...(page !== undefined && { log_url: page }) }, GITHUB_HEADERS);
}

/** It tells our deployments from those that others made of the same commit. */
function nameOf(context: string): string {
  return boundedText(context, GITHUB_DESCRIPTION);
}

/** Shows rollouts as deployments, which GitHub lists by environment. */
export class GitHubDeployments {
  readonly #api: string;
  readonly #environment: string;
  /** By URL, commit and context. */
  readonly #known = new Map<string, number>();

  constructor(api: string, environment: string) {
    this.#api = api;
    this.#environment = environment;
  }

  /** @throws DeliveryFailure */
  async send(status: ShownStatus, ask: Ask): Promise<void> {
    const repository = githubRepository(this.#api, status);
    const key = `${repository} ${status.oid} ${status.context}`;
    const id = this.#known.get(key) ?? (await this.#find(repository, status, ask));
    this.#known.set(key, id);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    await ask(statusQuestion(repository, id, status, this.#environment));
  }

  /** An earlier process may have made it. */
  async #find(repository: string, status: ShownStatus, ask: Ask): Promise<number> {
    const { body } = await ask(listQuestion(repository, status, this.#environment));
    const listed = JSON.parse(body) as readonly Deployment[];
    const own = listed.find(({ description }) => description === nameOf(status.context));
    if (own) return own.id;
    const created = await ask(createQuestion(repository, status, this.#environment));
    return (JSON.parse(created.body) as Deployment).id;
  }
}
