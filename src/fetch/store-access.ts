import type { Git } from '../git/git.ts';
import type { Credential } from '../model/credential.ts';
import type { UploadPack } from '../remote/upload-pack.ts';

/** How a unit gets to the git server: what it lends to a fetch that it makes for others too. */
export interface StoreAccess {
  readonly git: Git;
  readonly url: string;
  readonly shownUrl: string;
  readonly credentials: readonly Credential[];
  /** A connection over which a pack may be asked for; undefined: git has to fetch. */
  readonly native: UploadPack | undefined;
  /** The connection cannot be used in this way, and why. */
  readonly onNativeFailure: (error: unknown) => void;
  /** Called after each fetch that succeeded. */
  readonly onFetch: () => void;
  readonly onProgress?: ((text: string) => void) | undefined;
}
