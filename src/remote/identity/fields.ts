import type { SidecarError } from '../../model/error.ts';
import type { Templates } from './identity-config.ts';

/** `{{.name}}`, `{{ .data.name }}`; `{{.}}` is the whole. */
const PLACE = /\{\{\s*\.([\w.-]*)\s*\}\}/g;

function valueAt(fields: unknown, path: string): unknown {
  let value = fields;
  for (const name of path === '' ? [] : path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** What is wrong with a template, for a person; undefined when it can be used. */
export function templateProblem(template: string): string | undefined {
  return /\{\{|\}\}/.test(template.replace(PLACE, '')) ? 'only {{.field}} and {{.}} may stand in braces' : undefined;
}

/**
 * `template` with every place filled in.
 * @throws what `refuse` makes: a field is missing, or is no text
 */
function fillTemplate(template: string, fields: unknown, refuse: (detail: string) => SidecarError): string {
  return template.replace(PLACE, (_all, path: string) => {
    const value = valueAt(fields, path);
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    const shown = `{{.${path}}}`;
    if (value !== undefined) throw refuse(`${shown} is no text`);
    const names = typeof fields === 'object' && fields !== null ? Object.keys(fields).join(', ') : '';
    throw refuse(`there is nothing for ${shown}${names === '' ? '' : `; the fields are ${names}`}`);
  });
}

/** @throws what `refuse` makes, also when nothing comes out */
export function fillTemplates(
  { username, password }: Templates,
  fields: unknown,
  refuse: (detail: string) => SidecarError,
): { readonly username: string; readonly password: string } {
  const fill = (template: string): string => fillTemplate(template, fields, refuse).replace(/\r?\n$/, '');
  const filled = { username: fill(username), password: fill(password) };
  if (filled.password === '') throw refuse('the password is empty');
  if (/[\r\n\0]/.test(filled.username + filled.password)) throw refuse('user name or password hold a line end');
  return filled;
}
