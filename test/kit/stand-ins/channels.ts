import { createHmac, timingSafeEqual } from 'node:crypto';
import { faultsOfEvent } from '../cloud-event-schema.ts';
import type { Request } from '../http-stub.ts';
import { demand, jsonBody, type Reply, type StandIn, standIn } from './stand-in.ts';

/** A receiver, with what it took. */
export interface ReceiverStandIn<T> extends StandIn {
  readonly taken: readonly T[];
}

async function receiver<T>(take: (request: Request) => readonly [T, Reply]): Promise<ReceiverStandIn<T>> {
  const taken: T[] = [];
  const server = await standIn((request) => {
    const [message, reply] = take(request);
    taken.push(message);
    return reply;
  });
  return Object.assign(server, { taken });
}

function isSigned(body: string, secret: string, header: unknown): boolean {
  const wanted = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  const given = Buffer.from(String(header));
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}

interface SlackBlock {
  readonly type: string;
  readonly text: { readonly type: string; readonly text: string };
}

/** Slack, incoming webhooks: the answer is `ok`, errors are words. */
export async function slackStandIn(path: string): Promise<ReceiverStandIn<string>> {
  return await receiver((request) => {
    demand(request.method === 'POST' && request.path === path, 404, 'no_service');
    const { text, blocks } = jsonBody(request) as { text: unknown; blocks: readonly SlackBlock[] };
    demand(typeof text === 'string' && text !== '', 400, 'no_text');
    for (const block of blocks) {
      demand(block.type === 'section' && block.text.type === 'mrkdwn', 400, 'invalid_blocks');
      demand(block.text.text.length <= 3000, 400, 'invalid_blocks');
    }
    return [blocks.map((block) => block.text.text).join('\n'), { status: 200, body: 'ok' }];
  });
}

/** Microsoft Teams, a workflow that begins with a webhook request: 202, at most 28 KB. */
export async function teamsStandIn(path: string): Promise<ReceiverStandIn<string>> {
  return await receiver((request) => {
    demand(request.path === path, 401, 'DirectApiAuthorizationRequired');
    demand(Buffer.byteLength(request.body) <= 28 * 1024, 413, 'RequestEntityTooLarge');
    const { type, attachments } = jsonBody(request) as { type: unknown; attachments: Record<string, unknown>[] };
    const [{ contentType, content } = {}] = attachments;
    demand(type === 'message' && attachments.length === 1, 400, 'InvalidTemplate');
    demand(contentType === 'application/vnd.microsoft.card.adaptive', 400, 'InvalidTemplate');
    const card = content as {
      type: string;
      version: string;
      body: { type: string; text: string }[];
      actions?: unknown[];
    };
    demand(card.type === 'AdaptiveCard' && card.version === '1.4', 400, 'InvalidTemplate');
    for (const block of card.body) demand(block.type === 'TextBlock' && block.text !== '', 400, 'InvalidTemplate');
    for (const action of card.actions ?? [])
      demand((action as { type: string }).type === 'Action.OpenUrl', 400, 'InvalidTemplate');
    return [card.body.map(({ text }) => text).join('\n'), { status: 202 }];
  });
}

/** Discord, “Execute Webhook”. */
export async function discordStandIn(path: string): Promise<ReceiverStandIn<string>> {
  return await receiver((request) => {
    demand(request.path === path, 404, 'Unknown Webhook');
    const { embeds, allowed_mentions: mentions } = jsonBody(request) as Record<string, unknown>;
    demand(JSON.stringify(mentions) === '{"parse":[]}', 400, 'somebody would be mentioned');
    const [embed] = embeds as { description: string; title?: string; url?: string; color: number }[];
    demand(embed !== undefined && embed.description.length <= 4096, 400, 'Invalid Form Body');
    demand(embed?.url === undefined || embed.title !== undefined, 400, 'Invalid Form Body');
    return [embed?.description ?? '', { status: 204 }];
  });
}

/** Matrix, client-server API: a transaction that comes again is the same message. */
export async function matrixStandIn(room: string, token: string): Promise<ReceiverStandIn<string>> {
  const transactions = new Map<string, string>();
  return await receiver((request) => {
    const [, inRoom = '', id = ''] =
      /^\/_matrix\/client\/v3\/rooms\/([^/]+)\/send\/m\.room\.message\/([^/]+)$/.exec(request.path) ?? [];
    demand(request.method === 'PUT' && id !== '', 404, 'M_UNRECOGNIZED');
    demand(request.headers.authorization === `Bearer ${token}`, 401, 'M_UNKNOWN_TOKEN');
    demand(decodeURIComponent(inRoom) === room, 403, 'M_FORBIDDEN');
    const { msgtype, body, format, formatted_body: formatted } = jsonBody(request) as Record<string, string>;
    demand(msgtype === 'm.notice' && format === 'org.matrix.custom.html', 400, 'M_BAD_JSON');
    demand(typeof body === 'string' && typeof formatted === 'string', 400, 'M_BAD_JSON');
    const known = transactions.get(id) ?? `$${transactions.size}`;
    transactions.set(id, known);
    return [formatted ?? '', { status: 200, body: { event_id: known } }];
  });
}

/** A receiver of CloudEvents 1.0, in the structured or the binary mode, with a signature where it has a secret. */
export async function cloudEventsStandIn(
  secret?: string,
  header = 'x-signature',
): Promise<ReceiverStandIn<Record<string, unknown>>> {
  return await receiver((request) => {
    if (secret !== undefined) demand(isSigned(request.body, secret, request.headers[header]), 401, 'bad signature');
    const { 'content-type': type = '' } = request.headers;
    const binary = Object.entries(request.headers).flatMap(([name, value]) =>
      name.startsWith('ce-') ? [[name.slice(3), decodeURIComponent(String(value))] as const] : [],
    );
    const isBinary = !type.startsWith('application/cloudevents+json');
    const event = isBinary
      ? { ...Object.fromEntries(binary), datacontenttype: type, data: jsonBody(request) }
      : jsonBody(request);
    const faults = faultsOfEvent(event);
    demand(faults.length === 0, 400, faults.join('; '));
    return [{ ...event, mode: isBinary ? 'binary' : 'structured' }, { status: 202 }];
  });
}

/** Flux, a Receiver of type `generic` or, with a secret, `generic-hmac`. Its path holds a digest of its token. */
export async function fluxStandIn(path: string, secret?: string): Promise<ReceiverStandIn<string>> {
  return await receiver((request) => {
    demand(request.method === 'POST' && request.path === path, 404, 'not found');
    if (secret !== undefined)
      demand(isSigned(request.body, secret, request.headers['x-signature']), 400, 'invalid HMAC signature');
    return [request.body, { status: 200 }];
  });
}

/** Argo CD, `/api/webhook`: a push of GitHub. @returns which revision of which repository is looked at again */
export async function argoStandIn(
  secret: string,
): Promise<ReceiverStandIn<{ url: string; revision: string; after: string }>> {
  return await receiver((request) => {
    demand(request.method === 'POST' && request.path === '/api/webhook', 404, 'not found');
    demand(request.headers['x-github-event'] === 'push', 400, 'missing X-GitHub-Event Header');
    const signature = request.headers['x-hub-signature-256'];
    demand(isSigned(request.body, secret, signature), 400, 'HMAC verification failed');
    const { ref, after, repository } = jsonBody(request) as Record<string, unknown>;
    const { html_url: url } = (repository ?? {}) as { html_url?: unknown };
    demand(typeof url === 'string' && /^https:\/\/[^/]+\/[^/]+\/[^/]+$/.test(url), 400, 'repository.html_url');
    demand(typeof ref === 'string' && ref.startsWith('refs/heads/'), 400, 'ref');
    demand(typeof after === 'string' && /^[0-9a-f]{40}$/.test(after), 400, 'after');
    const revision = String(ref).slice('refs/heads/'.length);
    return [{ url: String(url), revision, after: String(after) }, { status: 200 }];
  });
}
