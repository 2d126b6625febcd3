import type { SyncConfig } from '../../config/sync-config.ts';
import { keepsRefsInFiles } from '../../fetch/pack-fetch.ts';
import { isOfKind, messageOf, SidecarError } from '../../model/error.ts';
import { type Oid, objectFormatOf } from '../../model/oid.ts';
import { bringPart } from '../bring-part.ts';
import { mayRecycle } from '../build-worktree.ts';
import type { Needs } from '../context.ts';
import type { CycleScope, Stage } from '../cycle.ts';
import type { Found } from '../findings.ts';

type Context = Needs<
  'clock' | 'config' | 'fetcher' | 'git' | 'hooks' | 'log' | 'packFetch' | 'repository' | 'source' | 'spare' | 'store'
>;

async function fetchPinned(context: Context, oid: Oid, signal: AbortSignal): Promise<Oid> {
  const { fetcher } = context;
  try {
    return await fetcher.fetch(oid, undefined, signal);
  } catch (error) {
    if (!isOfKind(error, 'no-ref')) throw error;
    context.log.info(1, 'the server does not give out this single commit, so everything is fetched', { hash: oid });
  }
  await fetcher.fetchEverything(signal);
  return await fetcher.resolve(oid, signal);
}

/** Settings of the user that `git fetch` heeds and we would not. */
const FETCH_SETTINGS = /^(?:fetch|transfer)\./i;

/** What is wanted is what a ref shows. */
function isRef({ kind }: SyncConfig['target']): boolean {
  return kind === 'ref' || kind === 'newest';
}

/** One commit without history, from a server that the poll talks to natively: the pack can come over that connection. */
function isForPacks({ config, fetcher, packFetch, source }: Context): boolean {
  const isPlain = config.mode === 'v4' && config.depth === 1 && fetcher.filter === '';
  // A git of the user's own may do things for a fetch that we know nothing of.
  if (!isPlain || config.git !== 'git' || !isRef(config.target) || packFetch.isUnusable || !source.native) return false;
  const settings = [...config.gitConfig, ...config.gitConfigAdd].map(({ key }) => key);
  const variables = Object.entries(config.environment).filter(([name]) => name.startsWith('GIT_CONFIG_KEY_'));
  return ![...settings, ...variables.map(([, key]) => key)].some((key) => FETCH_SETTINGS.test(key));
}

async function mayFetchPack(context: Context): Promise<boolean> {
  const { depth = 1, filter = '', isWhole } = context.repository.state;
  return (
    depth === 1 &&
    (filter === '' || isWhole === true) &&
    isForPacks(context) &&
    (await keepsRefsInFiles(context.repository.gitDir))
  );
}

/** From now on, or for once, git has to fetch. */
function noteNativeFailure({ packFetch, log }: Context, error: unknown): void {
  // A bad moment says nothing about how the server answers.
  packFetch.isUnusable = !(error instanceof SidecarError && error.facts.passing);
  const until = packFetch.isUnusable ? 'from now on' : 'this time';
  log.info(0, `git fetch is used ${until}`, { reason: messageOf(error) });
}

/** What was brought: the commit, and how many objects came with it where that is known. */
interface Brought {
  readonly oid: Oid;
  readonly objects: number | undefined;
}

/** @returns the number of objects; undefined when git has to fetch */
async function fetchPack(
  context: Context,
  { wanted, credentials }: Found<'wanted' | 'credentials'>,
  { signal }: CycleScope,
): Promise<number | undefined> {
  const { source, packFetch, repository, log, clock, fetcher } = context;
  if (!source.native || !(await mayFetchPack(context))) return undefined;
  const before = clock.monotonic();
  try {
    const question = { want: wanted.oid, have: repository.state.oid, credentials, signal };
    const objects = await packFetch.fetch(source.native, question);
    fetcher.noteFetch();
    log.info(3, 'fetched', { hash: wanted.oid, ms: Math.round(clock.monotonic() - before) });
    return objects;
  } catch (error) {
    if (signal.aborted) throw error;
    noteNativeFailure(context, error);
    return undefined;
  }
}

async function fetchWanted(
  context: Context,
  found: Found<'wanted' | 'credentials'>,
  scope: CycleScope,
): Promise<Brought> {
  const { config, fetcher } = context;
  const { target } = config;
  const { wanted } = found;
  const { signal } = scope;
  if (target.kind === 'oid') return { oid: await fetchPinned(context, target.oid, signal), objects: undefined };
  const objects = await fetchPack(context, found, scope);
  if (objects !== undefined) return { oid: wanted.oid, objects };
  const fetched = await fetcher.fetch(wanted.oid, wanted.ref, signal);
  const oid = target.kind === 'abbreviated' ? await fetcher.resolve(target.requested, signal) : fetched;
  return { oid, objects: undefined };
}

/** From so many refusals on, nobody hopes for another answer: before, another server behind the same name may have answered. */
const MOST_REFUSALS = 3;

/** With `--path` in a partial clone also the files of the part; everything where the server does not give out those. */
async function fetchPart(
  context: Context,
  found: Found<'wanted' | 'live' | 'credentials'>,
  scope: CycleScope,
): Promise<Brought & Found<'live'>> {
  const { fetcher, log, repository, source } = context;
  const { live, wanted } = found;
  const brought = await fetchWanted(context, found, scope);
  try {
    await bringPart(context, brought.oid, scope.signal);
    fetcher.refusals = 0;
    return { ...brought, live };
  } catch (error) {
    if (!isOfKind(error, 'no-ref')) throw error;
    fetcher.refusals += 1;
    if (live && fetcher.refusals < MOST_REFUSALS) throw error;
    log.info(0, 'the server gives out no single files, so everything is fetched', { reason: messageOf(error) });
  }
  await repository.discard('it lacks files that the server does not give out');
  await repository.ensure(objectFormatOf(wanted.oid), source.fetchUrl, scope.signal);
  await repository.remember({ isWhole: true });
  return { ...(await fetchWanted(context, found, scope)), live: undefined };
}

/** Brings the wanted commit into the shared store, together with what other syncs want there. */
async function fetchShared(
  context: Context,
  store: NonNullable<Context['store']>,
  { wanted, live, credentials }: Found<'wanted' | 'live' | 'credentials'>,
  { signal }: CycleScope,
): Promise<Brought & Found<'live'>> {
  const { source, fetcher, git, config, repository, log, clock } = context;
  const before = clock.monotonic();
  const access = {
    git,
    url: source.fetchUrl,
    shownUrl: config.remote.shownUrl,
    credentials,
    native: isForPacks(context) ? source.native : undefined,
    onNativeFailure: (error: unknown) => noteNativeFailure(context, error),
    onFetch: () => fetcher.noteFetch(),
  };
  const brought = await store.bring(wanted, access, signal);
  log.info(3, 'fetched', { hash: brought.oid, ms: Math.round(clock.monotonic() - before) });
  await repository.checkLoan();
  await repository.ensure(objectFormatOf(wanted.oid), source.fetchUrl, signal);
  await repository.adopt(brought.oid, signal);
  return { ...brought, live };
}

/** Begins to examine the spare, beside the fetch. */
function examineSpare({ config, spare }: Context, { signal, background }: CycleScope): Found<'spare'>['spare'] {
  if (!mayRecycle(config)) return undefined;
  const untouched = spare.findUntouched(signal);
  // The checkout waits for it and sees its failure; a cycle that ends before needs no spare.
  untouched.catch(() => undefined);
  background.push(untouched);
  return untouched;
}

/** Brings the objects of the wanted commit into the repository. */
export const fetchObjects = {
  name: 'fetch',
  unlessSettled: true,
  run: async (
    context: Context,
    found: Found<'wanted' | 'live' | 'credentials'>,
    scope: CycleScope,
  ): Promise<Found<'wanted' | 'live' | 'fetchedObjects' | 'hasFetched' | 'spare'>> => {
    const { config, repository, source, store, hooks } = context;
    const { wanted, live } = found;
    const spare = examineSpare(context, scope);
    // A hook may be running git in the repository, and then its lock files are not ours.
    if (hooks.every(({ worktreeInUse }) => worktreeInUse === undefined)) await repository.tidy();
    if (!store) await repository.ensure(objectFormatOf(wanted.oid), source.fetchUrl, scope.signal);
    const fetching = store ? fetchShared(context, store, found, scope) : fetchPart(context, found, scope);
    const {
      oid,
      objects,
      live: stillLive,
    } = await fetching.catch((error: unknown) => {
      throw error instanceof SidecarError ? source.explain(error) : error;
    });
    if (oid !== wanted.oid && oid === live?.oid && source.isRelayConnected !== undefined) {
      const detail = 'the relay that gives out objects has not got it yet';
      throw new SidecarError('ERR_REMOTE_REF', { op: 'fetch', target: wanted.oid, detail });
    }
    await repository.remember({ depth: config.depth, filter: config.filter });
    const brought = { live: stillLive, fetchedObjects: objects, hasFetched: true, spare };
    return { ...brought, wanted: oid === wanted.oid ? wanted : { ref: wanted.ref, oid } };
  },
} satisfies Stage;
