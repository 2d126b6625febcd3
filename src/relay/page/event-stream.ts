import { createParser } from 'eventsource-parser';

export interface StreamEvent {
  readonly kind: string;
  readonly data: unknown;
}

/**
 * The events of an answer, until it ends. EventSource cannot send the header by which the relay knows its page, and
 * does not say why it failed.
 * @param silenceMs a stream on which nothing comes for so long is dead
 * @throws when the connection breaks
 */
export async function* readEvents(response: Response, silenceMs: number, stop: () => void): AsyncIterable<StreamEvent> {
  const events: StreamEvent[] = [];
  const parser = createParser({
    onEvent: ({ event = 'message', data }) => events.push({ kind: event, data: JSON.parse(data) as unknown }),
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const timer = setTimeout(stop, silenceMs);
    const chunk = await reader?.read().finally(() => clearTimeout(timer));
    if (!chunk || chunk.done) return;
    parser.feed(chunk.value);
    yield* events.splice(0);
  }
}
