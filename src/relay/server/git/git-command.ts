import type { ObjectFormat } from '../../../model/oid.ts';
import { inTurns, type Steps } from '../../../platform/in-turns.ts';
import { type Command, readCommand } from '../../../remote/wire/command.ts';
import { type FetchRequest, writeFetchRequest } from '../../../remote/wire/fetch-request.ts';
import { readOldFetchRequest, writeOldFetchRequest } from '../../../remote/wire/old-fetch-request.ts';
import { digestOf } from '../../protocol/refs.ts';
import type { FetchGate } from './fetch-gate.ts';
import { type GitClient, objectFormatOf, scopeOf } from './git-client.ts';
import { keyOf, type PackQuestion } from './pack-question.ts';
import type { Ready, ReadyAnswers } from './ready-answers.ts';

interface Permissions {
  readonly gate: FetchGate;
  readonly ready: ReadyAnswers;
}

type AnyCommand = Command | { readonly name: 'nothing' };

/** What a client asks for: a command, or for a fetch what git is asked in its place. */
export type Understood = Exclude<AnyCommand, { readonly name: 'fetch' }> | PackQuestion;

/** @throws SidecarError where the question cannot be read, or asks for what is not for this client */
export async function understand(permissions: Permissions, client: GitClient, body: Buffer): Promise<Understood> {
  const format = objectFormatOf(client);
  const command = await inTurns<AnyCommand>(
    client.protocol === 2 ? readCommand(body, format) : readOldCommand(body, format),
  );
  return command.name === 'fetch' ? await questionFor(permissions, client, command.request, body) : command;
}

function* readOldCommand(body: Buffer, format: ObjectFormat): Steps<AnyCommand> {
  const request = yield* readOldFetchRequest(body, format);
  return request ? { name: 'fetch', request } : { name: 'nothing' };
}

/** What git is asked in place of the client, which may ask less: no text of the client reaches git. */
async function questionFor(
  { gate, ready }: Permissions,
  client: GitClient,
  asked: FetchRequest,
  bytes: Buffer,
): Promise<PackQuestion> {
  const { follower, protocol } = client;
  const { request, refs, isLasting } = await gate.admit(client, asked);
  const objectFormat = objectFormatOf(client);
  const write = protocol === 2 ? writeFetchRequest : writeOldFetchRequest;
  const same = {
    ...{ gitDir: follower.mirror.gitDir, objectFormat, protocol, isDone: request.end === 'done' },
    scope: [follower.upstream.name, digestOf(refs)],
    body: await inTurns(write(request, objectFormat)),
  };
  const question = { ...same, id: keyOf(same) };
  const answer: Ready = { kind: 'question', question, request };
  if (isLasting) ready.keep(scopeOf(client), bytes, refs, answer);
  return { ...question, ...ownPart(gate, client, request) };
}

/** What of a question belongs to the client that asks. */
export function ownPart(
  gate: FetchGate,
  client: GitClient,
  request: FetchRequest,
): Pick<PackQuestion, 'owner' | 'isToBlame'> {
  return { owner: client.owner, isToBlame: async () => await gate.isToBlame(client, request) };
}
