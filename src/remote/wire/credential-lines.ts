/** Attributes of a credential in git's own format (git-credential, "INPUT/OUTPUT FORMAT"); the last of a name is used. */
export type CredentialAttributes = ReadonlyMap<string, string>;

/** Lines `key=value`; lists, whose keys end in `[]`, are left out. The text ends with an empty line. */
export function writeCredential(attributes: CredentialAttributes, capabilities: readonly string[]): string {
  const all = [...capabilities.map((name) => ['capability[]', name]), ...attributes];
  const lines = all.map(([key = '', value = '']) => {
    if (/[\n\0]/.test(value) || /[\n\0=]/.test(key)) throw new Error(`the ${key} of a credential holds a line end`);
    return `${key}=${value}`;
  });
  return `${lines.join('\n')}\n\n`;
}

/** Reads up to the first empty line; lines that are none of the format are left out. */
export function readCredential(text: string): CredentialAttributes {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line === '' || line === '\r') break;
    const equals = line.indexOf('=');
    const key = line.slice(0, Math.max(0, equals));
    if (key !== '' && !key.endsWith('[]')) found.set(key, line.slice(equals + 1).replace(/\r$/, ''));
  }
  return found;
}
