/** The one place that reads the process's arguments and environment (design.md 1, rule 4). */
export function readArguments(): string[] {
  return process.argv.slice(2);
}

export function readEnvironment(): Record<string, string | undefined> {
  return { ...process.env };
}

/** The file that was started. */
export function readProgram(): string {
  return process.argv[1] ?? '';
}
