import type { Labels } from '../cluster.ts';

/**
 * Labels of a task (a list in `/state`), or of discovery info, its ports and the operator API, where the list stands
 * in a `labels` of its own (raw protobuf). A label without a value has the empty text; anything else is none: no
 * record that all have hangs on them.
 */
export function readLabels(json: unknown): Labels | undefined {
  const list: unknown = isObject(json) ? json['labels'] : json;
  if (!Array.isArray(list)) return undefined;
  const labels = new Map<string, string>();
  for (const label of list as readonly unknown[]) {
    if (!isObject(label)) continue;
    const { key, value = '' } = label;
    if (typeof key === 'string' && typeof value === 'string' && !labels.has(key)) labels.set(key, value);
  }
  return labels.size > 0 ? Object.fromEntries(labels) : undefined;
}

/** Does any port of the agent lead into the container, as was asked for? Raw protobuf in both shapes. */
export function hasHostPorts({ container }: Readonly<Record<string, unknown>>): boolean {
  const networks = isObject(container) ? [container['docker'], ...listOf(container['network_infos'])] : [];
  return networks.some(
    (network) =>
      isObject(network) &&
      listOf(network['port_mappings']).some((port) => isObject(port) && Number(port['host_port']) > 0),
  );
}

function listOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : [];
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
