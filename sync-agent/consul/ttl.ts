/**
 * Seconds that a service's records live, by its name (Consul `dns_config.service_ttl`): the name itself, else the
 * longest `prefix*` it begins with, `*` being the shortest.
 */
export function createServiceTtl(
  ttls: Readonly<Record<string, number>>,
  usual: number,
): (service: string) => number {
  const exact = new Map<string, number>();
  const prefixes: (readonly [string, number])[] = [];
  for (const [pattern, ttl] of Object.entries(ttls)) {
    const folded = pattern.toLowerCase();
    if (folded.endsWith('*')) prefixes.push([folded.slice(0, -1), ttl]);
    else exact.set(folded, ttl);
  }
  const longestFirst = prefixes.toSorted(([a], [b]) => b.length - a.length);
  return (service) => {
    const name = service.toLowerCase();
    return exact.get(name) ?? longestFirst.find(([prefix]) => name.startsWith(prefix))?.[1] ?? usual;
  };
}
