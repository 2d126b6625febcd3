import type { EnvironmentVariables } from '../settings.ts';

export interface Interpolated {
  readonly text: string;
  /** Variables that were put in. */
  readonly variables: readonly string[];
}

/** `$$`, `${NAME}`, `${NAME:-default}`; and the beginning of what looks like it and is none. */
const REFERENCE = /\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/**
 * `text` with variables in place of `${NAME}` and `${NAME:-default}` (which is used when the variable is not set or
 * empty), and one dollar for two. A dollar before anything else stays.
 * @param fail takes what is wrong; it holds no value
 */
export function interpolate(text: string, env: EnvironmentVariables, fail: (what: string) => void): Interpolated {
  const variables: string[] = [];
  const filled = text.replace(REFERENCE, (all, name: string | undefined, fallback: string | undefined) => {
    if (all === '$$') return '$';
    if (name === undefined) {
      fail(
        '`${` must be followed by a variable and `}`, as in `${NAME}` or `${NAME:-default}`; write `$${` for the signs themselves',
      );
      return '';
    }
    const value = env[name];
    if (fallback !== undefined && (value === undefined || value === '')) return fallback;
    if (value === undefined) {
      fail(`the variable ${name} is not set; set it, or write \`\${${name}:-default}\``);
      return '';
    }
    variables.push(name);
    return value;
  });
  return { text: filled, variables };
}
