/** A request to a forge or a receiver, before its credential. */
export interface Question {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Statuses of a good answer; undefined: any 2xx. */
  readonly wanted?: readonly number[];
  /** Another answer that is as good. */
  readonly isGood?: (answer: Answer) => boolean;
}

/** @param headers names in lower case */
export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Asks with the credential of the destination. @throws DeliveryFailure */
export type Ask = (question: Question) => Promise<Answer>;

export function jsonQuestion(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Question {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}
