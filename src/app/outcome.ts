/** Where a command writes; a test gives its own. */
export interface Io {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly stderrIsTerminal: boolean;
  /** Receives each error as text, without secrets; the last one says why the process ended. */
  readonly onError?: (text: string) => void;
  /** Where that goes when the process ends: the value of `--termination-log`. */
  readonly writeLastErrorTo?: (path: string) => void;
}

/** Exit statuses (compat.md 1.4 and 6). */
export const EXIT = { ok: 0, failure: 1, usage: 2, quit: 2, hangup: 129, interrupt: 130, terminate: 143 } as const;
