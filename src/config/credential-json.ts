import { SidecarError } from '../model/error.ts';

/** Who may read what: one entry of `--credential`. Exactly one of password and passwordFile is set. */
export interface CredentialSpec {
  readonly url: string;
  readonly username: string;
  readonly password?: string;
  readonly passwordFile?: string;
}

const FIELDS: Readonly<Record<string, keyof CredentialSpec>> = {
  url: 'url',
  username: 'username',
  password: 'password',
  'password-file': 'passwordFile',
};

function invalid(sourceName: string, detail: string): SidecarError {
  const fromFlag = sourceName.startsWith('--');
  return new SidecarError(fromFlag ? 'ERR_CONFIG_USAGE' : 'ERR_CONFIG_INVALID', {
    op: 'read',
    target: sourceName,
    detail: `${sourceName}: ${detail}`,
    hint: 'Write {"url":"https://host/","username":"me","password-file":"/path"} or an array of such objects.',
  });
}

/** The first JSON value of `text`, by counting brackets outside strings; what follows it is ignored, as Go's decoder does. */
function firstValue(text: string): string {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (inString) {
      if (letter === '\\') at += 1;
      else if (letter === '"') inString = false;
    } else if (letter === '"') inString = true;
    else if (letter === '{' || letter === '[') depth += 1;
    else if (letter === '}' || letter === ']') {
      depth -= 1;
      if (depth === 0) return text.slice(0, at + 1);
    }
  }
  return text;
}

function readEntry(entry: unknown, sourceName: string): CredentialSpec {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
    throw invalid(sourceName, 'each credential must be a JSON object');
  const spec: Partial<Record<keyof CredentialSpec, string>> = {};
  for (const [key, value] of Object.entries(entry)) {
    const field = FIELDS[key.toLowerCase()];
    if (!field) throw invalid(sourceName, `unknown field ${JSON.stringify(key)}`);
    if (typeof value !== 'string') throw invalid(sourceName, `field ${JSON.stringify(key)} must be text`);
    spec[field] = value;
  }
  return { url: spec.url ?? '', username: spec.username ?? '', ...spec };
}

/**
 * Reads one `--credential` or `GITSYNC_CREDENTIAL` (compat.md 1.5). Empty text is no credential.
 * @throws SidecarError ERR_CONFIG_USAGE (flag, exit 2) or ERR_CONFIG_INVALID (variable, exit 1)
 */
export function parseCredentials(text: string, sourceName: string): CredentialSpec[] {
  if (text.trim() === '') return [];
  let value: unknown;
  try {
    value = JSON.parse(firstValue(text.trim()));
  } catch {
    throw invalid(sourceName, 'not valid JSON');
  }
  return (Array.isArray(value) ? value : [value]).map((entry) => readEntry(entry, sourceName));
}
