import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SyncConfig, VerifyConfig } from '../config/sync-config.ts';
import { fetchArguments } from '../fetch/fetch-commit.ts';
import { Layout } from '../fetch/layout.ts';
import type { Git } from '../git/git.ts';
import { isOfKind, SidecarError } from '../model/error.ts';
import { objectFormatOf } from '../model/oid.ts';
import { findProgram } from '../platform/find-program.ts';
import type { Logger } from '../platform/log.ts';
import type { Environment } from '../platform/process/runner.ts';
import type { Tip } from '../poll/ref-source.ts';
import { openVerification } from '../sync/wiring/verification.ts';
import type { KeyKind } from '../verify/key-kinds.ts';
import { NOTHING_SHOWN } from '../verify/no-way-back.ts';
import type { Check, Examination } from './examination.ts';
import { none, ok, type Verdict, wrong } from './finding.ts';
import type { GitTools } from './git-tools.ts';
import type { Parts } from './parts.ts';
import { checkKeys, PROGRAMS, readRing } from './signing-keys.ts';

export interface SignaturePlan {
  readonly config: SyncConfig;
  readonly tools: GitTools;
  /** What the server was asked, with all that came before. */
  readonly asked: Check | undefined;
  /** Where the ref is, once it was asked for. */
  readonly tip: () => Tip | undefined;
  /** Where objects come from. */
  readonly url: string;
}

/** A commit without its files, where the server can leave them out. */
const LIMIT_MS = 6000;

/** A log that keeps who has signed. */
function listeningLog(signers: string[]): Logger {
  const info: Logger['info'] = (_level, _message, fields) => {
    if (fields?.signer !== undefined) signers.push(String(fields.signer));
  };
  return { info, warn: () => undefined, error: () => undefined, shows: () => false };
}

async function fetchTip(git: Git, gitDir: string, url: string, { oid, ref }: Tip, signal: AbortSignal): Promise<void> {
  const init = ['init', '--quiet', '--bare', '--template=', `--object-format=${objectFormatOf(oid)}`, gitDir];
  await git.run(init, { op: 'make', target: gitDir, signal });
  const how = { gitDir, depth: 1, allTags: false, url: () => url, filter: 'tree:0' };
  const fetch = async (source: string): Promise<void> => {
    const args = await fetchArguments(how, [`${source}:refs/heads/fetched`]);
    await git.run(args, { op: 'fetch the commit from', target: 'the server', signal, overNetwork: 'objects' });
  };
  // Some servers give out no single commits.
  await fetch(oid).catch(async (error: unknown) => {
    if (!isOfKind(error, 'no-ref')) throw error;
    await fetch(ref);
  });
}

/** Whether what the ref shows now would be published, as far as the signatures of this one revision say. */
async function judge(plan: SignaturePlan, given: VerifyConfig, parts: Parts, signal: AbortSignal): Promise<Verdict> {
  const { config, tools, url } = plan;
  const { target } = config;
  const tip = target.kind === 'oid' ? { ref: target.requested, oid: target.oid } : plan.tip();
  if (!tip) return none('the ref is not known');
  const directory = join(tools.directory, 'signature');
  const layout = new Layout(directory, 'v4');
  await mkdir(directory, { mode: 0o700 });
  const signers: string[] = [];
  // What was published before is not known here.
  const policy: VerifyConfig = { ...given, range: false, fastForwardOnly: false, submodules: false };
  const ignore = (): void => undefined;
  const { clock, runner } = parts;
  const shared = { config, policy, git: tools.git, clock, log: listeningLog(signers), runner, layout };
  const at = `${tip.ref} at ${tip.oid.slice(0, 12)}`;
  try {
    await fetchTip(tools.git, layout.gitDir, url, tip, signal);
    const more = { directory, boot: '', url: () => url, onFetch: ignore, onAnswer: ignore };
    const verification = await openVerification({ ...shared, ...more });
    await verification.require({ ref: tip.ref, oid: tip.oid }, NOTHING_SHOWN, signal);
    return ok(signers.length === 0 ? `${at} needs no signature` : `${at} would be accepted: ${signers.join(', ')}`);
  } catch (error) {
    if (signal.aborted || !(error instanceof SidecarError)) throw error;
    const reason = error.facts.revision === undefined ? error.message : `${at} would be refused: ${error.detail}`;
    return wrong(`${reason} (${error.code})`, error.hint);
  }
}

/** Whether a program that checks signatures is there, and its version. */
async function judgeProgram(
  program: string,
  env: Environment,
  { runner }: Parts,
  signal: AbortSignal,
): Promise<Verdict> {
  const mend = 'install it (Debian: `gnupg`, `gpgsm`, `openssh-client`)';
  const found = await findProgram(program, env.PATH);
  if (found === undefined) return wrong('it is in no directory of PATH', mend);
  const isSsh = program === 'ssh-keygen';
  // It does not say its version; ssh, of the same package, does.
  const question = isSsh ? { file: 'ssh', args: ['-V'] } : { file: found, args: ['--version'] };
  const answer = await runner.run({ ...question, env, signal }).catch((error: unknown) => {
    if (isSsh) return undefined;
    throw error;
  });
  signal.throwIfAborted();
  const [line = ''] = (answer?.stdout.toString() || answer?.stderr || 'its version is not known').trim().split('\n');
  if (answer && answer.code !== 0 && !isSsh) return wrong(`it ends with status ${answer.code}: ${line}`, mend);
  return ok(`${line} (${found})`);
}

export interface VerifierPlan {
  readonly verify: VerifyConfig;
  readonly environment: Environment;
  /** A private one. */
  readonly directory: string;
}

/** Programs and keys. @returns what the check of a signature needs */
export async function checkVerifiers(examination: Examination, plan: VerifierPlan, parts: Parts): Promise<Check> {
  const { verify, environment, directory } = plan;
  const ring = await readRing(verify.keys);
  const kinds =
    ring instanceof Error ? [] : (Object.keys(ring.files) as KeyKind[]).filter((kind) => ring.files[kind].length > 0);
  const programs = [...new Set(kinds.flatMap((kind) => PROGRAMS[kind]))].map((program) =>
    examination.check({
      name: 'signature program',
      target: program,
      look: async (signal) => await judgeProgram(program, environment, parts, signal),
    }),
  );
  const { PATH } = environment;
  const home = { runner: parts.runner, directory, environment: PATH === undefined ? {} : { PATH } };
  return examination.check({
    name: 'signature keys',
    target: verify.keys.join(', '),
    after: programs,
    look: async (signal) => await checkKeys(ring, home, parts.clock.now(), signal),
  });
}

/** Programs, keys and the signature of what the ref shows; nothing where nothing is verified. */
export async function checkSignatures(examination: Examination, plan: SignaturePlan, parts: Parts): Promise<void> {
  const { config, tools, asked } = plan;
  const { verify, environment } = config;
  if (!verify || !(verify.commit || verify.tag)) return;
  const keys = await checkVerifiers(examination, { verify, environment, directory: tools.directory }, parts);
  examination.check({
    name: 'signature',
    target: config.target.requested,
    after: [keys, asked],
    limitMs: LIMIT_MS,
    mend: 'see whether the server gives out the commit: `git fetch --depth=1 URL REF`',
    look: async (signal) => await judge(plan, verify, parts, signal),
  });
}
