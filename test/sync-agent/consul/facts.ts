import type { ConsulDatacenter, ConsulInstance, ConsulNode } from '../../../sync-agent/cluster.ts';
import type { ConsulRecordSettings } from '../../../sync-agent/consul/records.ts';

export const SETTINGS: ConsulRecordSettings = {
  domain: 'consul',
  onlyPassing: false,
  wan: 'never',
  serviceTtl: {},
  nodeTtl: 30,
};

export function nodeAt(name: string, address: string, more: Partial<ConsulNode> = {}): ConsulNode {
  return { name, address, tagged: {}, meta: {}, ...more };
}

export function instanceOn(node: ConsulNode, more: Partial<ConsulInstance> = {}): ConsulInstance {
  const { meta: _, ...place } = node;
  return {
    id: 'web',
    node: place,
    tags: [],
    address: '',
    port: 80,
    tagged: {},
    weights: { passing: 1, warning: 1 },
    health: 'passing',
    ...more,
  };
}

export function datacenterWith(
  services: Readonly<Record<string, readonly ConsulInstance[]>>,
  more: Partial<ConsulDatacenter> = {},
): ConsulDatacenter {
  return {
    name: 'dc1',
    nodes: [],
    services: Object.entries(services).map(([name, instances]) => ({ name, instances })),
    ...more,
  };
}
