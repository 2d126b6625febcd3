import { SidecarError } from '../../model/error.ts';
import { type Oid, objectFormatOf } from '../../model/oid.ts';
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

async function fetchWanted(context: SyncContext, cycle: Cycle): Promise<Oid | undefined> {
  const { target } = context.config;
  const { wanted, signal } = cycle;
  if (!wanted) return undefined;
  if (target.kind === 'oid') return await fetchPinned(context, target.oid, signal);
  const fetched = await context.fetcher.fetch(wanted.oid, wanted.ref, signal);
  return target.kind === 'abbreviated' ? await context.fetcher.resolve(target.requested, signal) : fetched;
}

/** Brings the objects of the wanted commit into the repository. */
export const fetchObjects: Stage = {
  name: 'fetch',
  run: async (context, cycle) => {
    const { config, repository } = context;
    if (!cycle.wanted) return 'next';
    await repository.ensure(objectFormatOf(cycle.wanted.oid), cycle.signal);
    const oid = await fetchWanted(context, cycle);
    if (oid && oid !== cycle.wanted.oid) cycle.wanted = { ref: cycle.wanted.ref, oid };
    await repository.remember({ depth: config.depth, filter: config.filter });
    return 'next';
  },
};
