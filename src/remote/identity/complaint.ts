/** As much of a party's own words as a log line needs. */
const MOST_CHARACTERS = 300;

function ofObject(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  const { error, error_description, errors, code, status, Code, Message, message, warnings } = value as Record<
    string,
    unknown
  >;
  const own = [status, code, Code, message, Message].filter((each) => typeof each === 'string');
  const lists = [errors, warnings].flatMap((list) => (Array.isArray(list) ? list.map(String) : []));
  return [...ofObject(error), ...(typeof error_description === 'string' ? [error_description] : []), ...own, ...lists];
}

function ofXml(text: string): string[] {
  return ['Code', 'Message'].flatMap((name) => new RegExp(`<${name}>([^<]{1,1000})</${name}>`).exec(text)?.[1] ?? []);
}

/**
 * What a party says about its refusal: OAuth's `error` and `error_description` (RFC 6749, 5.2), Google’s
 * `error.status` and `error.message`, Vault’s `errors`, the `Code` and `Message` of AWS. Other text is not shown.
 * @returns one line, or undefined where it says nothing in such a form
 */
export function readComplaint(body: string): string | undefined {
  let parts: string[];
  try {
    parts = ofObject(JSON.parse(body));
  } catch {
    parts = ofXml(body);
  }
  const text = [...new Set(parts)].join(': ').replace(/\s+/g, ' ').trim();
  if (text === '') return undefined;
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
