import type { RunConfig } from '../config/run-config.ts';
import type { Clock, Random } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Launch } from './launch.ts';
import type { MirroredFiles } from './mirrored-files.ts';
import type { PublishedBoot } from './published-boot.ts';
import type { Releases } from './releases.ts';
import type { StateFile } from './state.ts';
import type { RunObserver } from './status.ts';
import type { Switchover } from './switchover.ts';
import type { Unwritten } from './unwritten.ts';

export interface DeployerOptions {
  readonly config: RunConfig;
  readonly state: StateFile;
  readonly releases: Releases;
  readonly unwritten: Unwritten;
  readonly publishedBoot: PublishedBoot;
  readonly launch: Launch;
  readonly files: MirroredFiles;
  readonly switchover: Switchover;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Takes secrets out of a text that is kept or shown. */
  readonly redact: (text: string) => string;
  readonly observer: RunObserver;
}
