import type { PublishedBoot } from '../../src/run/published-boot.ts';
import type { Release } from '../../src/run/state.ts';
import type { Unwritten } from '../../src/run/unwritten.ts';

/** For a deployer on a machine that never stops. */
export const noPowerCut = {
  unwritten: {
    examine: async () => undefined,
    require: async (release: Release) => release,
    writeOut: () => undefined,
  } as unknown as Unwritten,
  publishedBoot: { isInDoubt: async () => false } as unknown as PublishedBoot,
};
