const UNITS: Readonly<Record<string, number>> = { Ti: 2 ** 40, Gi: 2 ** 30, Mi: 2 ** 20, Ki: 2 ** 10, '': 1 };

/** `500Mi`, as Kubernetes writes sizes, in bytes; undefined when it is none. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d+)(Ki|Mi|Gi|Ti)?$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * (UNITS[unit] ?? 1);
}

/** The same size as text, in the largest unit of which it is a multiple. */
export function formatSize(bytes: number): string {
  const [unit = '', factor = 1] = Object.entries(UNITS).find(([, each]) => bytes > 0 && bytes % each === 0) ?? [];
  return `${bytes / factor}${unit}`;
}
