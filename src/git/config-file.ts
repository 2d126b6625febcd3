/** One setting; `key` is `section.name` or `section.subsection.name`. */
export interface GitSetting {
  readonly key: string;
  readonly value: string;
}

function quote(value: string): string {
  const escaped = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
  return `"${escaped}"`;
}

/** The text of a git configuration file (git-config, "Syntax") that holds `settings` in their order. */
export function renderGitConfig(settings: readonly GitSetting[]): string {
  const lines: string[] = [];
  for (const { key, value } of settings) {
    const first = key.indexOf('.');
    const last = key.lastIndexOf('.');
    const section = key.slice(0, first);
    const subsection =
      last > first
        ? ` "${key
            .slice(first + 1, last)
            .replaceAll('\\', '\\\\')
            .replaceAll('"', '\\"')}"`
        : '';
    lines.push(`[${section}${subsection}]`, `\t${key.slice(last + 1)} = ${quote(value)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** `overrides` in place of the settings of the same key; git compares section and name without regard to case. */
export function overrideSettings(settings: readonly GitSetting[], overrides: readonly GitSetting[]): GitSetting[] {
  const canonical = (key: string): string => {
    const [first, last] = [key.indexOf('.'), key.lastIndexOf('.')];
    return `${key.slice(0, first).toLowerCase()}${key.slice(first, last)}.${key.slice(last + 1).toLowerCase()}`;
  };
  const replaced = new Map(overrides.map((setting) => [canonical(setting.key), setting]));
  return [...settings.filter((setting) => !replaced.has(canonical(setting.key))), ...replaced.values()];
}
