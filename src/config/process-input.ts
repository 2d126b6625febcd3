/** The one place that reads the process's arguments and environment (docs/architecture.md, import rules). */
export function readArguments(): string[] {
  return process.argv.slice(2);
}

/** As the user set it: what our own start put into it is for this process alone. */
export function readEnvironment(): Record<string, string | undefined> {
  const { GIT_SIDECAR_ARENAS: arenas, ...env } = process.env;
  if (arenas === '') delete env.MALLOC_ARENA_MAX;
  else if (arenas !== undefined) env.MALLOC_ARENA_MAX = arenas;
  return env;
}

/** The file that was started. */
export function readProgram(): string {
  return process.argv[1] ?? '';
}

/** What OpenSSL loads its default certificates from (SSL_CTX_set_default_verify_paths(3)). */
const DEFAULT_CERTIFICATES = ['SSL_CERT_FILE', 'SSL_CERT_DIR'];

/** Runs `create` while OpenSSL finds no default certificates. Takes effect with Node's `--use-openssl-ca` only. */
export function withoutDefaultCertificates<T>(create: () => T): T {
  const before = DEFAULT_CERTIFICATES.map((name) => [name, process.env[name]] as const);
  for (const name of DEFAULT_CERTIFICATES) process.env[name] = '/dev/null';
  try {
    return create();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
