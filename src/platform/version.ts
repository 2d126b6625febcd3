declare const GIT_SIDECAR_VERSION: string | undefined;
declare const GIT_SIDECAR_NODE_FLAGS: string | undefined;
declare const GIT_SIDECAR_MEMORY: string | undefined;
declare const GIT_SIDECAR_DIRECTORY: string | undefined;

/** The release; set by the build, `dev` when run from source. */
export const VERSION: string = typeof GIT_SIDECAR_VERSION === 'string' ? GIT_SIDECAR_VERSION : 'dev';

/** What we call ourselves to git servers and relays. */
export const AGENT = `git-sidecar/${VERSION}`;

/** Options of Node that the program is started with; set by the build. */
export const NODE_FLAGS: string = typeof GIT_SIDECAR_NODE_FLAGS === 'string' ? GIT_SIDECAR_NODE_FLAGS : '';

/** What a shell does before it starts Node; set by the build. */
export const BEFORE_NODE: string = typeof GIT_SIDECAR_MEMORY === 'string' ? GIT_SIDECAR_MEMORY : ':';

/** Where the programs are; undefined when run from source. */
export const INSTALLED_IN: string | undefined =
  typeof GIT_SIDECAR_DIRECTORY === 'string' ? GIT_SIDECAR_DIRECTORY : undefined;

function besideProgram(file: string): string | undefined {
  return INSTALLED_IN === undefined ? undefined : `${INSTALLED_IN}/${file}`;
}

/** The program with all commands; undefined when run from source. */
export const PROGRAM = besideProgram('git-sidecar.cjs');

/** The bundle of the process that starts processes; undefined when run from source. */
export const RUNNER_PROGRAM = besideProgram('runner.cjs');

/** The bundle of the library that reads ranges of versions; undefined when run from source. */
export const RANGE_LIBRARY = besideProgram('semver.cjs');

/** The files of the page that a relay serves; undefined when run from source. */
export const PAGE_BUNDLE = besideProgram('page.json');
