import { SidecarError } from '../../../model/error.ts';
import type { Oid } from '../../../model/oid.ts';
import { FairRoom } from '../../../platform/fair-room.ts';
import { eachInTurns, filterInTurns } from '../../../platform/in-turns.ts';
import type { Logger } from '../../../platform/log.ts';
import type { FetchRequest } from '../../../remote/wire/fetch-request.ts';
import type { Refs } from '../../protocol/refs.ts';
import type { Follower } from '../mirror/follower.ts';
import { prepareRefs } from '../streams/prepare-refs.ts';
import type { RefView } from '../streams/ref-view.ts';
import type { Reach, Standing, Within } from './reach.ts';

/** How long a client waits for a commit that is not here yet; the next attempt of a client comes soon. */
const WANT_PATIENCE_MS = 5000;
/** Clients that wait so at a time, shared by owner. What the others want is not here. */
const MOST_WAITING = 32;
/** A question with more unknown ids than this does not come from a subscriber that got an event about a change. */
const MOST_MISSING = 16;
/** So many ids of a long question are looked up before the others: git looks for each one that is not here anew. */
const FIRST_LOOK = 64;

/** Refs are never changed in place, and are asked for by every fetch. */
const TIPS = new WeakMap<Refs, ReadonlySet<string>>();

async function tipsOf(refs: Refs): Promise<ReadonlySet<string>> {
  const known = TIPS.get(refs);
  if (known) return known;
  const tips = new Set<string>();
  await eachInTurns(refs.values(), ({ oid, peeledOid }) => {
    tips.add(oid);
    if (peeledOid) tips.add(peeledOid);
  });
  TIPS.set(refs, tips);
  return tips;
}

/** The client, and the repository that it fetches from. */
export interface FetchClient {
  /** On whose share that goes. */
  readonly owner: string;
  readonly follower: Follower;
  readonly view: RefView;
}

/** A fetch that may be answered. */
export interface Admitted {
  /** What git may be asked. */
  readonly request: FetchRequest;
  /** The refs that decided. */
  readonly refs: Refs;
  /** Nothing else did: the same request is admitted in the same way as long as the refs are these. */
  readonly isLasting: boolean;
}

interface Judgement {
  /** The refs that decide. */
  readonly refs: Refs;
  readonly odd: readonly Oid[];
  readonly standings: ReadonlyMap<Oid, Standing>;
}

/**
 * Decides what of a mirror a client may fetch: what the refs reach that it may see, and what one of them showed a
 * moment ago. Tips are known in memory; everything else costs one bounded look for all of it together.
 */
export class FetchGate {
  readonly #reach: Reach;
  readonly #log: Logger;
  readonly #waiting = new FairRoom(() => MOST_WAITING);

  constructor(reach: Reach, log: Logger) {
    this.#reach = reach;
    this.#log = log;
  }

  /** @throws SidecarError ERR_REMOTE_REF for what is not here, or not for everybody: both are the same to the client */
  async admit(client: FetchClient, request: FetchRequest): Promise<Admitted> {
    const { owner, follower } = client;
    let { refs, odd, standings } = await this.#judge(client, request.wants);
    const missing = await filterInTurns(odd, (oid) => !standings.has(oid));
    if (await this.#bring(client, missing)) ({ refs, odd, standings } = await this.#judge(client, request.wants));
    const gitDir = follower.mirror.gitDir;
    const [refused] = await filterInTurns(odd, (oid) => standings.get(oid)?.isShown !== true);
    if (refused) throw refusal(`not our ref ${refused}`);
    const deepen = { ...request.deepen, not: request.deepen.not.map((name) => fullName(refs, name)) };
    const isWhole = refs === follower.mirror.refs;
    const seen = isWhole ? request : await this.#narrow({ owner, gitDir, refs }, request);
    return { request: { ...seen, deepen }, refs, isLasting: isWhole && odd.length === 0 };
  }

  /**
   * @returns whether the client's own request can have made git fail: it does so where a time or a ref leaves no
   *   commit, and where something else than a commit is said to be shallow
   */
  async isToBlame({ owner, follower, view }: FetchClient, { shallow, deepen }: FetchRequest): Promise<boolean> {
    if (deepen.since !== undefined || deepen.not.length > 0) return true;
    if (shallow.length === 0) return false;
    const within = { owner, gitDir: follower.mirror.gitDir, refs: await prepareRefs(follower.refs, view) };
    const standings = await this.#reach.look(within, shallow);
    return [...standings.values()].some(({ kind }) => kind !== 'commit');
  }

  async #odd({ follower, view }: FetchClient, refs: Refs, oids: readonly Oid[]): Promise<Oid[]> {
    const tips = await tipsOf(refs);
    const odd = await filterInTurns(oids, (oid) => !tips.has(oid));
    if (odd.length === 0) return odd;
    // Of a ref that is released by stages a client is given out what it was released, and nothing else.
    const isOpen = (ref: string): boolean => view.shows(ref) && !view.released?.refs.has(ref);
    const former = new Set(follower.mirror.formerTips((ref) => isOpen(ref) && follower.upstream.covers(ref)));
    return await filterInTurns(odd, (oid) => !former.has(oid));
  }

  /** What the refs as they are now say of `wants`: those that are no tips, and what these are. */
  async #judge(client: FetchClient, wants: readonly Oid[]): Promise<Judgement> {
    const { owner, follower, view } = client;
    const refs = await prepareRefs(follower.refs, view);
    const odd = await this.#odd(client, refs, wants);
    const within = { owner, gitDir: follower.mirror.gitDir, refs };
    if (odd.length > FIRST_LOOK) {
      const first = odd.slice(0, FIRST_LOOK);
      const known = await this.#reach.look(within, first);
      const [missing, ...more] = first.filter((oid) => !known.has(oid));
      if (missing !== undefined && more.length >= MOST_MISSING) throw refusal(`not our ref ${missing}`);
    }
    return { refs, odd, standings: odd.length > 0 ? await this.#reach.look(within, odd) : new Map() };
  }

  /**
   * Commits that this relay has not got yet: another relay, or NATS, announced them earlier. Then the git server is
   * asked now, once for all clients that want them. @returns whether it was asked
   */
  async #bring({ owner, follower }: FetchClient, [missing, ...more]: readonly Oid[]): Promise<boolean> {
    if (missing === undefined || more.length >= MOST_MISSING) return false;
    const leave = this.#waiting.tryEnter(owner);
    if (!leave) return false;
    this.#log.info(1, 'a client wants a commit that is not here yet', {
      repository: follower.upstream.name,
      hash: missing,
    });
    try {
      await follower.bring(missing, WANT_PATIENCE_MS);
      return true;
    } finally {
      leave();
    }
  }

  /**
   * For a client that does not see all refs: git would take objects for known that are not for this client, send only
   * what differs from them, and add tags to what it sends.
   */
  async #narrow(within: Within, request: FetchRequest): Promise<FetchRequest> {
    const tips = await tipsOf(within.refs);
    const strange = new Set<Oid>();
    await eachInTurns([...request.haves, ...request.shallow], (oid) => {
      if (!tips.has(oid)) strange.add(oid);
    });
    const odd = [...strange];
    const standings = odd.length > 0 ? await this.#reach.look(within, odd) : undefined;
    const isShown = (oid: Oid): boolean => tips.has(oid) || standings?.get(oid)?.isShown === true;
    return {
      ...request,
      haves: await filterInTurns(request.haves, isShown),
      shallow: await filterInTurns(request.shallow, isShown),
      words: request.words.filter((word) => word !== 'include-tag'),
    };
  }
}

/** git's own text, which clients know. */
function refusal(detail: string): SidecarError {
  return new SidecarError('ERR_REMOTE_REF', { op: 'answer a fetch', detail: `upload-pack: ${detail}` });
}

/** What git takes a short name for (gitrevisions), among the refs that may be seen. */
function fullName(refs: Refs, name: string): string {
  const found = [name, `refs/${name}`, `refs/tags/${name}`, `refs/heads/${name}`].filter((each) => refs.has(each));
  const [only] = found;
  if (only === undefined || found.length > 1) throw refusal(`ambiguous deepen-not: ${name}`);
  return only;
}
