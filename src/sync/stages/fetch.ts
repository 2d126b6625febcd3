import { keepsRefsInFiles } from '../../fetch/pack-fetch.ts';
import { messageOf, SidecarError } from '../../model/error.ts';
import { type Oid, objectFormatOf } from '../../model/oid.ts';
import { mayRecycle } from '../build-worktree.ts';
import type { SyncContext } from '../context.ts';
import type { Cycle, Stage } from '../cycle.ts';

async function fetchPinned(context: SyncContext, oid: Oid, signal: AbortSignal): Promise<Oid> {
  const { fetcher } = context;
  try {
    return await fetcher.fetch(oid, undefined, signal);
  } catch (error) {
    if (!(error instanceof SidecarError) || error.code !== 'ERR_REMOTE_REF') throw error;
    context.log.info(1, 'the server does not give out this commit by itself, so everything is fetched', { hash: oid });
  }
  await fetcher.fetchEverything(signal);
  return await fetcher.resolve(oid, signal);
}

/** Settings of the user that `git fetch` heeds and we would not. */
const FETCH_SETTINGS = /^(?:fetch|transfer)\./i;

/** One commit without history, from a server that the poll talks to natively: the pack can come over that connection. */
async function mayFetchPack({ config, packFetch, source, repository }: SyncContext): Promise<boolean> {
  const { depth = 1, filter = '' } = repository.state;
  const isPlain = config.mode === 'v4' && config.depth === 1 && config.filter === '' && depth === 1 && filter === '';
  // A git of the user's own may do things for a fetch that we know nothing of.
  if (!isPlain || config.git !== 'git' || config.target.kind !== 'ref' || packFetch.isUnusable || !source.native)
    return false;
  const settings = [...config.gitConfig, ...config.gitConfigAdd].map(({ key }) => key);
  const variables = Object.entries(config.environment).filter(([name]) => name.startsWith('GIT_CONFIG_KEY_'));
  if ([...settings, ...variables.map(([, key]) => key)].some((key) => FETCH_SETTINGS.test(key))) return false;
  return await keepsRefsInFiles(repository.gitDir);
}

const PASSING: readonly string[] = [
  'ERR_REMOTE_UNREACHABLE',
  'ERR_REMOTE_BUSY',
  'ERR_REMOTE_REF',
  'ERR_REMOTE_CORRUPT',
  'ERR_GIT_KILLED',
  'ERR_GIT_MEMORY',
];

/** The server, or the way to it, has a bad moment: that says nothing about how it answers. */
function isPassing(error: unknown): boolean {
  return error instanceof SidecarError && PASSING.includes(error.code);
}

/** Returns false when git has to fetch. */
async function fetchPack(context: SyncContext, cycle: Cycle): Promise<boolean> {
  const { wanted, credentials, signal } = cycle;
  const { source, packFetch, repository, log } = context;
  if (!wanted || !source.native || !(await mayFetchPack(context))) return false;
  const before = context.clock.monotonic();
  try {
    const question = { want: wanted.oid, have: repository.state.oid, credentials, signal };
    cycle.fetchedObjects = await packFetch.fetch(source.native, question);
    context.fetcher.noteFetch();
    log.info(3, 'fetched', { hash: wanted.oid, ms: Math.round(context.clock.monotonic() - before) });
    return true;
  } catch (error) {
    if (signal.aborted) throw error;
    packFetch.isUnusable = !isPassing(error);
    const until = packFetch.isUnusable ? 'from now on' : 'this time';
    log.info(0, `git fetch is used ${until}`, { reason: messageOf(error) });
    return false;
  }
}

async function fetchWanted(context: SyncContext, cycle: Cycle): Promise<Oid | undefined> {
  const { target } = context.config;
  const { wanted, signal } = cycle;
  if (!wanted) return undefined;
  if (target.kind === 'oid') return await fetchPinned(context, target.oid, signal);
  if (await fetchPack(context, cycle)) return wanted.oid;
  const fetched = await context.fetcher.fetch(wanted.oid, wanted.ref, signal);
  return target.kind === 'abbreviated' ? await context.fetcher.resolve(target.requested, signal) : fetched;
}

/** Brings the objects of the wanted commit into the repository. */
export const fetchObjects: Stage = {
  name: 'fetch',
  run: async (context, cycle) => {
    const { config, repository, source } = context;
    if (!cycle.wanted) return 'next';
    if (mayRecycle(config)) {
      cycle.spare = context.spare.findUntouched(cycle.signal);
      cycle.spare.catch(() => undefined);
      cycle.background.push(cycle.spare);
    }
    // A hook may be running git in the repository, and then its lock files are not ours.
    if (context.hooks.every(({ worktreeInUse }) => worktreeInUse === undefined)) await repository.tidy();
    await repository.ensure(objectFormatOf(cycle.wanted.oid), context.source.fetchUrl, cycle.signal);
    const oid = await fetchWanted(context, cycle);
    if (oid !== cycle.wanted.oid && oid === cycle.live?.oid && source.isRelayConnected !== undefined) {
      const detail = 'the relay that gives out objects has not got it yet';
      throw new SidecarError('ERR_REMOTE_REF', { op: 'fetch', target: cycle.wanted.oid, detail });
    }
    if (oid && oid !== cycle.wanted.oid) cycle.wanted = { ref: cycle.wanted.ref, oid };
    await repository.remember({ depth: config.depth, filter: config.filter });
    return 'next';
  },
};
