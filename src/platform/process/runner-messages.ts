import type { CommandResult, CommandSpec } from './runner.ts';

/** What of a command can be sent to another process. */
export interface SentCommand
  extends Pick<
    CommandSpec,
    'file' | 'args' | 'env' | 'cwd' | 'timeoutMs' | 'maxOutputBytes' | 'endGroup' | 'isExpendable' | 'niceness'
  > {
  /** All of its input, or how it comes. */
  readonly input: { readonly whole: string | Buffer } | 'none' | 'pieces';
  /** Which of the callbacks the caller has set. */
  readonly wants: { readonly sink: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly isAborted: boolean;
}

/** To the process that starts processes. */
export type ToRunner =
  | { readonly kind: 'run'; readonly id: number; readonly command: SentCommand }
  | { readonly kind: 'abort'; readonly id: number }
  /** The last chunk was taken; or nothing more is wanted. */
  | { readonly kind: 'taken'; readonly id: number; readonly isEnough: boolean }
  /** undefined: the input ends here, well or not. */
  | { readonly kind: 'input'; readonly id: number; readonly piece: Buffer | undefined; readonly hasFailed: boolean }
  | { readonly kind: 'end all' };

/** From that process. */
export type FromRunner =
  /** It runs, and leads a process group. */
  | { readonly kind: 'started'; readonly id: number; readonly pid: number }
  | { readonly kind: 'chunk'; readonly id: number; readonly bytes: Buffer }
  | { readonly kind: 'stdout' | 'stderr'; readonly id: number; readonly text: string }
  | { readonly kind: 'hungry'; readonly id: number }
  | { readonly kind: 'done'; readonly id: number; readonly result: CommandResult }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string; readonly code: string | undefined }
  | { readonly kind: 'all ended' };
