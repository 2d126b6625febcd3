import type { Needs } from '../context.ts';
import type { CycleScope, Stage } from '../cycle.ts';
import type { Found, Perhaps } from '../findings.ts';
import { type ShownContext, shownNow } from '../shown-now.ts';

type Context = Needs<'repository' | 'verification'> & ShownContext;

/** What was refused is not fetched again. */
export const refuseAgain = {
  name: 'quarantine',
  unlessSettled: true,
  run: async ({ verification }: Needs<'verification'>, { wanted }: Found<'wanted'>): Promise<Record<never, never>> => {
    await verification?.refuseAgain(wanted);
    return {};
  },
} satisfies Stage;

/** Decides whether the policy of the operator allows the commit that was fetched (docs/verify.md). */
export const verify = {
  name: 'verify',
  unlessSettled: true,
  run: async (
    context: Context,
    found: Found<'wanted' | 'live' | 'link'>,
    { signal }: CycleScope,
  ): Promise<Record<never, never>> => {
    await context.verification?.require(found.wanted, shownNow(context, found), signal);
    return {};
  },
} satisfies Stage;

/**
 * The same for what is shown in the end: with `--path` that can be another commit, and what another process published
 * was perhaps never verified. It costs nothing for a commit that was just let through.
 */
export const verifyShown = {
  name: 'verify-shown',
  run: async (
    context: Context,
    found: Found<'wanted' | 'live' | 'link' | 'settled'>,
    { signal }: CycleScope,
  ): Promise<Record<never, never>> => {
    const { verification } = context;
    const { wanted, live, settled } = found;
    await verification?.require(wanted, shownNow(context, found), signal);
    if (!settled) return {};
    if (live) await verification?.requireSubmodules(wanted, live, signal);
    await verification?.remember(wanted.oid);
    return {};
  },
} satisfies Stage;

/** The submodules of the candidate are here once it is checked out. */
export const verifySubmodules = {
  name: 'verify-submodules',
  unlessSettled: true,
  run: async (
    { verification }: Needs<'verification'>,
    { wanted, candidate }: Found<'wanted' | 'candidate'>,
    { signal }: CycleScope,
  ): Promise<Record<never, never>> => {
    await verification?.requireSubmodules(wanted, candidate, signal);
    return {};
  },
} satisfies Stage;

/** From here on consumers may see the candidate: what is noted before that cannot be forgotten. */
export const noteIntent = {
  name: 'note-intent',
  unlessSettled: true,
  run: async (
    { verification }: Needs<'verification'>,
    { candidate }: Found<'candidate'>,
  ): Promise<Record<never, never>> => {
    await verification?.intend(candidate.oid);
    return {};
  },
} satisfies Stage;

/** From here on a later commit has to come from this one. */
export const rememberVerified = {
  name: 'remember-verified',
  unlessSettled: true,
  run: async (
    { verification }: Needs<'verification'>,
    { wanted }: Found<'wanted'> & Perhaps<'updated'>,
  ): Promise<Record<never, never>> => {
    await verification?.remember(wanted.oid);
    return {};
  },
} satisfies Stage;
