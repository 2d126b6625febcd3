declare const GIT_SIDECAR_VERSION: string | undefined;

/** The release; set by the build, `dev` when run from source. */
export const VERSION: string = typeof GIT_SIDECAR_VERSION === 'string' ? GIT_SIDECAR_VERSION : 'dev';
