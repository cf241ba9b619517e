import type { ConsulDatacenter, ConsulService } from '../cluster.ts';
import type { Reason } from '../records/derivation.ts';
import { type ConsulRecordSettings, shownInstances } from './records.ts';

const MAX_NAMED = 10;

/** What a name of Consul's zone is about, by its form. */
type Asked =
  | { readonly kind: 'service'; readonly service: string; readonly tag: string | undefined }
  | { readonly kind: 'node'; readonly node: string }
  | { readonly kind: 'addr' }
  | { readonly kind: 'other' };

/** What of a catalogue would give the name (lower case, with its final dot) values and does not. Pure. */
export function consulWhyNot(
  datacenters: readonly ConsulDatacenter[],
  name: string,
  settings: Pick<ConsulRecordSettings, 'domain' | 'onlyPassing'>,
): Reason[] {
  if (name === `${settings.domain}.`) return [];
  const labels = name.slice(0, -settings.domain.length - 2).split('.');
  const last = labels.at(-1) ?? '';
  const named = datacenters.find((each) => each.name === last);
  const isPlace = (label: string | undefined): boolean =>
    label === 'service' || label === 'node' || label === 'addr';
  if (!named && labels.length > 1 && isPlace(labels.at(-2)) && !isPlace(last)) {
    const known = datacenters.map((each) => each.name);
    return [
      {
        reason: 'no-such-datacenter',
        detail: `no datacentre ${last} is read: ${listed(known)} (consul.datacenters)`,
      },
    ];
  }
  const datacenter = named ?? datacenters[0];
  if (!datacenter) return [];
  const asked = readAsked(named ? labels.slice(0, -1) : labels);
  switch (asked.kind) {
    case 'service':
      return whyNotService(datacenter, asked, settings);
    case 'node': {
      const { nodes } = datacenter;
      if (nodes.some((each) => each.name.toLowerCase() === asked.node)) return [];
      const known = nodes.map((each) => each.name);
      const detail = `${datacenter.name} has no node ${asked.node}; its nodes: ${listed(known)}`;
      return [{ reason: 'no-such-node', detail }];
    }
    case 'addr':
      return [];
    case 'other':
      return [
        {
          reason: 'no-such-form',
          detail: `published are <service>.service, <tag>.<service>.service, _<service>._<tag>.service and <node>.node, with a datacentre behind or not; not what Consul makes as it is asked, such as query, connect or virtual`,
        },
      ];
  }
}

/** Labels in front of the datacentre. */
function readAsked(labels: readonly string[]): Asked {
  const last = labels.at(-1);
  const rest = labels.slice(0, -1);
  if (last === 'node') return { kind: 'node', node: rest.join('.') };
  if (last === 'addr') return { kind: 'addr' };
  const own = last === 'service' ? rest : labels;
  const [first = '', second = ''] = own;
  if (own.length === 2 && first.startsWith('_') && second.startsWith('_')) {
    const tag = second.slice(1);
    return { kind: 'service', service: first.slice(1), tag: tag === 'tcp' ? undefined : tag };
  }
  if (last !== 'service' || own.length === 0) return { kind: 'other' };
  const tag = own.slice(0, -1).join('.');
  return { kind: 'service', service: own.at(-1) ?? '', tag: tag === '' ? undefined : tag };
}

function whyNotService(
  { name: datacenter, services }: ConsulDatacenter,
  { service: asked, tag }: { readonly service: string; readonly tag: string | undefined },
  settings: Pick<ConsulRecordSettings, 'onlyPassing'>,
): Reason[] {
  const service = services.find(({ name }) => name.toLowerCase() === asked);
  if (!service) {
    const known = services.map(({ name }) => name);
    const detail = `${datacenter} has no service ${asked}; its services: ${listed(known)}`;
    return [{ reason: 'no-such-service', detail }];
  }
  const hasTag = (tags: readonly string[]): boolean =>
    tag === undefined || tags.some((each) => each.toLowerCase() === tag);
  const tagged = service.instances.filter(({ tags }) => hasTag(tags));
  if (tagged.length === 0 && tag !== undefined)
    return [
      { reason: 'no-such-tag', detail: `service ${service.name} has no tag ${tag}; ${tagsOf(service)}` },
    ];
  if (tagged.length === 0)
    return [{ reason: 'no-instance', detail: `service ${service.name} has no instance in ${datacenter}` }];
  const shown = new Set(shownInstances(service, settings));
  const limit = settings.onlyPassing
    ? 'consul.onlyPassing: only what passes is told'
    : 'critical ones are not told';
  return tagged
    .filter((each) => !shown.has(each))
    .map(({ id, node, health }) => ({
      reason: 'not-healthy',
      detail: `instance ${id} of service ${service.name} on node ${node.name} is ${health} (${limit})`,
    }));
}

function tagsOf({ instances }: ConsulService): string {
  const tags = new Set(instances.flatMap((each) => each.tags));
  return tags.size === 0 ? 'it has none' : `its tags: ${listed([...tags])}`;
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length - MAX_NAMED;
  return [...names.toSorted().slice(0, MAX_NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
