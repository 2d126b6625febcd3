import type { SyncConfig } from '../../config/sync-config.ts';
import { isOfKind, SidecarError } from '../../model/error.ts';
import type { Needs } from '../context.ts';
import type { CycleScope, Stage } from '../cycle.ts';
import type { Found } from '../findings.ts';
import type { RefMoves } from '../ref-moves.ts';

/** A commit that the user named is published: the remote has nothing to say about it. */
function isParked({ target }: SyncConfig, live: Found<'live'>['live']): live is NonNullable<typeof live> {
  if (target.kind === 'oid') return live?.oid === target.oid;
  return target.kind === 'abbreviated' && live?.oid.startsWith(target.requested) === true;
}

/** Reads the credentials as they are now and hands them to git. */
export const refreshCredentials = {
  name: 'credentials',
  readsOnly: true,
  run: async (
    { config, credentials: source, hermetic }: Needs<'config' | 'credentials' | 'hermetic'>,
    { live }: Found<'live'>,
    { signal }: CycleScope,
  ): Promise<Found<'credentials'>> => {
    if (isParked(config, live)) return { credentials: [] };
    const credentials = await source.read(signal);
    await hermetic.setCredentials(credentials);
    return { credentials };
  },
} satisfies Stage;

/**
 * v3's users, and the scripts that read its error file, know git clone's text for a branch that does not exist
 * (compat.md 13).
 */
function inWordsOf({ mode, target, remote }: SyncConfig, error: unknown): unknown {
  if (mode === 'v4' || target.kind === 'oid' || target.kind === 'newest' || !isOfKind(error, 'no-ref')) return error;
  const ref = target.candidates.find((name) => /^refs\/(?:heads|tags)\//.test(name)) ?? target.requested;
  const detail = `Remote branch ${ref.replace(/^refs\/(?:heads|tags)\//, '')} not found in upstream origin`;
  return new SidecarError('ERR_REMOTE_REF', { op: 'look for a ref in', target: remote.shownUrl, detail, cause: error });
}

async function ask(
  context: Needs<'config' | 'credentials' | 'source' | 'choice' | 'group' | 'log'>,
  { live, credentials }: Found<'live' | 'credentials'>,
  { signal }: CycleScope,
): Promise<Found<'tip' | 'wanted'>> {
  const { config, source, choice, group, log } = context;
  const { target, remote, relay } = config;
  if (isParked(config, live)) return { tip: undefined, wanted: { ref: target.requested, oid: live.oid } };
  if (target.kind === 'oid') return { tip: undefined, wanted: { ref: target.requested, oid: target.oid } };
  // To the others of the group it matters when this was asked, so an answer that another sync got is not used.
  if (group) source.expectNews?.();
  try {
    const tip = await source.poll(choice, credentials, signal);
    // A relay says nothing about what its git server accepts.
    if (!relay) context.credentials.accepted(remote.fetchUrl);
    log.info(3, 'polled', { ref: tip.ref, hash: tip.oid });
    return { tip, wanted: { ref: tip.ref, oid: tip.oid } };
  } catch (error) {
    throw inWordsOf(config, error);
  }
}

/** Asks the remote for the ref we follow; a pinned commit needs no asking. */
export function pollWith(moves: RefMoves) {
  return {
    name: 'poll',
    readsOnly: true,
    run: async (
      context: Needs<'clock' | 'config' | 'credentials' | 'source' | 'choice' | 'group' | 'log' | 'repository'>,
      found: Found<'live' | 'credentials'>,
      scope: CycleScope,
    ): Promise<Found<'tip' | 'wanted' | 'polledAt'>> => {
      const answer = await ask(context, found, scope);
      const { repository, choice, log } = context;
      if (answer.tip) moves.note(repository.state, answer.wanted, choice, log);
      return { ...answer, polledAt: context.clock.monotonic() };
    },
  } satisfies Stage;
}
