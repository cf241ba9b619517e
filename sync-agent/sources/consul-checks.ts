import type { ConsulService } from '../cluster.ts';

/**
 * How each service's checks stand in `/v1/health/state/any`, as one text each, by the spelling of `services`; checks
 * of a node count for all that it runs. What checks print, which changes all the time, is not looked at. Undefined
 * for what is no list of checks, and where one names a service that is not known: then all has to be read.
 */
export function checksByService(
  body: unknown,
  services: readonly ConsulService[],
): ReadonlyMap<string, string> | undefined {
  if (!Array.isArray(body)) return undefined;
  const spelling = new Map<string, string>();
  const onNode = new Map<string, Set<string>>();
  for (const { name, instances } of services) {
    spelling.set(name.toLowerCase(), name);
    for (const { node } of instances) {
      const names = onNode.get(node.name) ?? new Set();
      onNode.set(node.name, names.add(name));
    }
  }
  const standing = new Map<string, string[]>();
  for (const check of body) {
    const { node, id, service, status } = checkOf(check);
    const named = service === '' ? undefined : spelling.get(service.toLowerCase());
    if (service !== '' && named === undefined) return undefined;
    for (const name of named === undefined ? (onNode.get(node) ?? []) : [named]) {
      const texts = standing.get(name) ?? [];
      texts.push(`${node}\n${id}\n${status}`);
      standing.set(name, texts);
    }
  }
  return new Map(Array.from(standing, ([name, texts]) => [name, texts.toSorted().join('\n\n')]));
}

function checkOf(check: unknown): { node: string; id: string; service: string; status: string } {
  const text = (key: string): string => {
    const value: unknown =
      typeof check === 'object' && check !== null ? Object.getOwnPropertyDescriptor(check, key)?.value : '';
    return typeof value === 'string' ? value : '';
  };
  return { node: text('Node'), id: text('CheckID'), service: text('ServiceName'), status: text('Status') };
}
