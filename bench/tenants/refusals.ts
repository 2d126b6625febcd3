/** Counters of the relay's metrics by name and labels, those that say what was refused or ended. */
export async function readRefusals(url: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(60_000) })).text();
  const lines = text.split('\n').flatMap((line) => {
    const found = /^git_sidecar_relay_(refused_total\{what="([^"]+)"\}|subscribers_(?:dropped|ended)) (\S+)$/.exec(
      line,
    );
    return found ? [[found[2] ?? found[1]?.replace('_', ' ') ?? '', Number(found[3])] as const] : [];
  });
  return new Map(lines);
}

export function describeRefusals(before: Map<string, number>, after: Map<string, number>): string {
  const grown = [...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const);
  const some = grown.filter(([, count]) => count > 0).map(([name, count]) => `${name} ${count}`);
  return some.length > 0 ? some.join(', ') : 'none';
}
