import { type Patient as PatientName, patientOf } from '../config/doctor-words.ts';
import { optionsOf } from '../config/options.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { SidecarError } from '../model/error.ts';
import { redactUrl } from '../platform/redact.ts';
import { type Finding, ok, wrong } from './finding.ts';
import { type Patient, readPatient } from './patient.ts';

/** A configuration, and what is wrong with it. */
export interface ReadPatient {
  /** undefined: it cannot be read, also without the flags and variables that are wrong. */
  readonly patient: Patient | undefined;
  readonly findings: readonly Finding[];
}

interface Given {
  readonly rest: readonly string[];
  readonly env: EnvironmentVariables;
}

/** Mistakes that are looked for in one command line. */
const MOST_MISTAKES = 5;

function attempt({ rest, env }: Given, cwd: string): Patient | SidecarError {
  try {
    return readPatient(rest, env, cwd);
  } catch (error) {
    if (error instanceof SidecarError) return error;
    throw error;
  }
}

/** The same without one flag, with or without the word behind it, or without one variable, as far as the error names it. */
function withoutOne({ rest, env }: Given, name: PatientName, detail: string): Given[] {
  const end = rest.indexOf('--');
  const names = (flag: string): boolean => new RegExp(`(?<![\\w-])-{1,2}${flag}(?![\\w-])|"${flag}"`).test(detail);
  const flags = rest.flatMap((word, at) => {
    const flag = /^--?([A-Za-z][\w-]*)/.exec(word)?.[1];
    if (flag === undefined || (end >= 0 && at > end) || !names(flag)) return [];
    // Its value may be the next word.
    const hasNext = !word.includes('=') && !(rest[at + 1] ?? '-').startsWith('-');
    return (hasNext ? [1, 2] : [1]).map((count) => ({ env, rest: rest.toSpliced(at, count) }));
  });
  const variables = optionsOf(name).flatMap((option) => {
    const all = [...option.env, ...(option.v3Env === undefined ? [] : [option.v3Env])];
    return all.filter((each) => env[each] !== undefined && (detail.includes(each) || names(option.name)));
  });
  return [...flags, ...variables.map((variable) => ({ rest, env: { ...env, [variable]: undefined } }))];
}

function findingOf(error: SidecarError): Finding {
  return {
    check: 'options',
    target: redactUrl(error.target ?? 'flags and variables'),
    ...wrong(redactUrl(error.detail), error.hint),
  };
}

/** What a sidecar would only warn of: a misspelled variable is a setting that is missing. */
function noticesOf({ notices }: Patient): Finding[] {
  const target = 'flags and variables';
  const unknown = notices.filter((notice) => / is not a variable that git-sidecar knows/.test(notice));
  const others = notices.filter((notice) => !unknown.includes(notice));
  if (unknown.length === 0)
    return [{ check: 'options', target, ...ok(['they can be read', ...others].map(redactUrl).join('; ')) }];
  return unknown.map((notice) => ({
    check: 'options',
    target,
    ...wrong(redactUrl(notice), 'correct its name, or unset it; docs/options.md lists all variables'),
  }));
}

/**
 * Reads a configuration that may be wrong. Where one flag or variable is, the rest is looked at as well, as if that had
 * not been given, so that all mistakes are seen at once.
 */
export function readLeniently(rest: readonly string[], env: EnvironmentVariables, cwd: string): ReadPatient {
  const { name } = patientOf(rest);
  const findings: Finding[] = [];
  let given: Given = { rest, env };
  while (findings.length < MOST_MISTAKES) {
    const result = attempt(given, cwd);
    if (!(result instanceof SidecarError))
      return { patient: result, findings: findings.length === 0 ? noticesOf(result) : findings };
    findings.push(findingOf(result));
    const tries = withoutOne(given, name, result.detail).map((each) => ({ each, result: attempt(each, cwd) }));
    const isOther = (found: Patient | SidecarError): boolean =>
      !(found instanceof SidecarError) || found.detail !== result.detail;
    const next =
      tries.find((each) => !(each.result instanceof SidecarError)) ?? tries.find((each) => isOther(each.result));
    if (!next) break;
    given = next.each;
  }
  return { patient: undefined, findings };
}
