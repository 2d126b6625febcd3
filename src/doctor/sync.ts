import type { SyncConfig, Target } from '../config/sync-config.ts';
import { ownKnownHosts } from '../git/own-known-hosts.ts';
import { silentLogger } from '../platform/log.ts';
import { createChoice } from '../poll/create-choice.ts';
import { chooseFirst } from '../poll/first-ref.ts';
import type { RefChoice } from '../poll/ref-choice.ts';
import type { Tip } from '../poll/ref-source.ts';
import { nameForRelay, remoteAtRelay } from '../relay/client/open.ts';
import { withScopedHeaders } from '../sync/wiring/confinement.ts';
import { withRelayAccess } from '../sync/wiring/relay-access.ts';
import { hermeticOptions } from '../sync/wiring/sync-git.ts';
import type { Check, Examination } from './examination.ts';
import { none } from './finding.ts';
import { type GitTools, openGit } from './git-tools.ts';
import { checkHooks } from './hooks.ts';
import { checkLink } from './link.ts';
import { checkClock } from './machine.ts';
import { checkNats } from './nats.ts';
import type { Parts } from './parts.ts';
import { checkProgram, programsOf } from './programs.ts';
import { RepositoryExamination, type RepositoryPlan } from './repository.ts';
import { checkRoot } from './root.ts';

/** Which ref is asked for. Dates of commits are not read, so by date any of those that match is good. */
function choiceOf(target: Target): RefChoice {
  if (target.kind === 'oid') return chooseFirst('HEAD', ['HEAD']);
  const byName: Target =
    target.kind === 'newest' && target.order === 'committed' ? { ...target, order: 'name' } : target;
  return createChoice(byName, { id: 'doctor', of: async () => new Map() });
}

/** The git server, the relay before it, or both. */
function repositoriesOf(config: SyncConfig, plan: Omit<RepositoryPlan, 'access' | 'prefix'>): RepositoryPlan[] {
  const { relay } = config;
  const own = { ...plan, access: { ...config, withoutDefaults: undefined }, prefix: '' };
  if (!relay) return [own];
  const remote = remoteAtRelay(relay, nameForRelay(config.remote));
  const atRelay = { ...plan, access: { ...config, withoutDefaults: undefined, remote }, prefix: 'relay ' };
  return relay.fallback ? [atRelay, own] : [atRelay];
}

/** The signature of what the first of the servers shows; the others show the same. */
async function begin(
  examination: Examination,
  config: SyncConfig,
  plans: readonly RepositoryPlan[],
  parts: Parts,
): Promise<Check[]> {
  const all = plans.map((plan) => ({ plan, repository: new RepositoryExamination(examination, plan, parts) }));
  const asked = await Promise.all(all.map(async ({ repository }) => await repository.begin()));
  const [first] = all;
  if (config.verify && first) {
    const { checkSignatures } = await import('./signature.ts');
    const { tools, access } = first.plan;
    const tip = (): Tip | undefined => first.repository.tip;
    await checkSignatures(examination, { config, tools, asked: asked[0], tip, url: access.remote.fetchUrl }, parts);
  }
  return asked;
}

/** Everything that a sync needs. */
export async function examineSync(
  examination: Examination,
  given: SyncConfig,
  parts: Parts,
  signal: AbortSignal,
): Promise<void> {
  const config = withRelayAccess(withScopedHeaders(given));
  const programs = programsOf(config).map((program) => checkProgram(examination, program, config.environment, parts));
  const place = { holdsRepository: true, moveAside: config.moveAside };
  const root = checkRoot(
    examination,
    { ...place, root: config.root, option: '--root', holdsRepository: config.stateDir === config.root },
    signal,
  );
  if (config.stateDir !== config.root)
    checkRoot(examination, { ...place, root: config.stateDir, option: '--state-dir' }, signal);
  if (config.into)
    checkRoot(examination, { ...place, root: config.into.directory, option: '--into', holdsRepository: false }, signal);
  checkLink(examination, config, root);
  const ahead: number[] = [];
  let tools: GitTools | undefined;
  let asked: readonly Check[] = [];
  const opening = openGit(
    config,
    config.stateDir,
    async (directory, memory) =>
      await hermeticOptions({ config: { ...config, oneTime: true }, root: directory }, directory, memory),
    parts,
    silentLogger,
  );
  const work = examination.check({
    name: 'temporary files',
    target: 'TMPDIR',
    mend: 'set TMPDIR to a directory that this user may write to: an emptyDir in a Pod',
    look: async () => {
      tools = await opening;
      return none('they are in order');
    },
  });
  await work.verdict;
  if (tools) {
    const { kind, requested } = config.target;
    const plan = {
      tools,
      knownHosts: ownKnownHosts(config.stateDir),
      choice: choiceOf(config.target),
      requested: kind === 'oid' ? undefined : requested,
      programs: programs.slice(0, 1),
      onClock: (aheadMs: number) => void ahead.push(aheadMs),
    };
    asked = await begin(examination, config, repositoriesOf(config, plan), parts);
  } else
    examination.check({
      name: 'server',
      target: config.remote.shownUrl,
      after: [work],
      look: () => none('it is not asked'),
    });
  if (!config.relay) examination.check({ name: 'relay', target: 'relay', look: () => none('it is not set') });
  checkNats(examination, config.nats);
  checkHooks(examination, config);
  checkClock(examination, asked, () => ahead);
}
