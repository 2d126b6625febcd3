import { type Report, readReport } from '../protocol/report.ts';
import { parseRepositoryName, type RepositoryName } from '../protocol/repository-name.ts';

/** One stream of an instance, as the relay that holds it knows it. */
export interface SeatedStream {
  /** The id of the principal. */
  readonly owner: string;
  readonly repository: RepositoryName;
  readonly report: Report;
  /** Of the refs that it follows; undefined: not known by name. */
  readonly names: readonly string[] | undefined;
}

/** What a relay says of its instances. Its messages have numbers, so one that is missing is noticed. */
export interface FleetMessage {
  readonly from: string;
  readonly number: number;
  readonly set: readonly SeatedStream[];
  /** Keys of streams that ended. */
  readonly gone: readonly string[];
  /** Part of a list of all that the relay has, which takes the place of what is known. */
  readonly all?: { readonly id: number; readonly part: number; readonly parts: number } | undefined;
}

/** The relay that decides wants the lists of all instances: of one relay, or of all of them. */
export interface FleetQuestion {
  readonly of: string | undefined;
}

const VERSION = 1;
const LONGEST_TEXT = 1000;

/** A stream belongs to its owner: equal names of two owners are two streams. */
export function streamKey(owner: string, stream: string): string {
  return `${owner}\n${stream}`;
}

/** Of the instances that `set` and `gone` hold, so many in a message that it has at most `largest` bytes. */
export function splitChanges(
  set: readonly SeatedStream[],
  gone: readonly string[],
  largest: number,
): { readonly set: readonly SeatedStream[]; readonly gone: readonly string[] }[] {
  const parts: { set: SeatedStream[]; gone: string[] }[] = [{ set: [], gone: [] }];
  let bytes = 0;
  const room = (item: unknown): (typeof parts)[number] => {
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (bytes > 0 && bytes + size > largest) {
      parts.push({ set: [], gone: [] });
      bytes = 0;
    }
    bytes += size;
    return parts.at(-1) as (typeof parts)[number];
  };
  for (const stream of set) room(stream).set.push(stream);
  for (const key of gone) room(key).gone.push(key);
  return parts;
}

export function writeMessage(message: FleetMessage | FleetQuestion): Uint8Array {
  return Buffer.from(JSON.stringify({ version: VERSION, ...message }));
}

function parse(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const body = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown> | null;
    return body?.version === VERSION ? body : undefined;
  } catch {
    return undefined;
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= LONGEST_TEXT;
const isNumber = (value: unknown): value is number => Number.isSafeInteger(value);
const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isText);

function readStream(value: unknown): SeatedStream | undefined {
  const { owner, repository, report, names } = (value ?? {}) as Record<string, unknown>;
  const name = isText(repository) ? parseRepositoryName(repository) : undefined;
  if (!isText(owner) || !name || !(names === undefined || isTexts(names))) return undefined;
  try {
    return { owner, repository: name, report: readReport(JSON.stringify(report)), names };
  } catch {
    // A newer release may write reports that this one does not know.
    return undefined;
  }
}

/** @returns undefined for what this release does not know */
export function readFleetMessage(bytes: Uint8Array): FleetMessage | undefined {
  const { from, number, set, gone, all } = parse(bytes) ?? {};
  if (!isText(from) || !isNumber(number) || !Array.isArray(set) || !isTexts(gone)) return undefined;
  const streams = set.map(readStream).filter((each) => each !== undefined);
  const { id, part, parts } = (all ?? {}) as Record<string, unknown>;
  const isPart = isNumber(id) && isNumber(part) && isNumber(parts);
  return { from, number, set: streams, gone, all: isPart ? { id, part, parts } : undefined };
}

export function readFleetQuestion(bytes: Uint8Array): FleetQuestion | undefined {
  const body = parse(bytes);
  return body && { of: isText(body.of) ? body.of : undefined };
}
