import type { DiscoveryPort, MesosTask } from '../cluster.ts';
import { instanceTail } from './instance.ts';
import { toLabel } from './label.ts';
import type { RecordRule, RecordSink } from './record-set.ts';
import type { RecordSettings } from './settings.ts';
import type { TaskShape } from './shape.ts';
import type { ShapeRules } from './shape-settings.ts';
import type { Tag } from './shape-tags.ts';
import { hostPorts, protocolLabels, type TaskPlace } from './task.ts';
import { withVisiblePorts } from './visibility.ts';

/** The task under the name and with the ports that its shape gives it: what all other rules go by. */
export function shapedTask(task: MesosTask, { name, leftOutPorts }: Omit<TaskShape, 'hidden'>): MesosTask {
  if (!name && !leftOutPorts) return task;
  const { discovery } = task;
  return {
    ...task,
    ...(leftOutPorts && { ports: leftOutPorts.hostPorts }),
    ...(name && { name: name.label }),
    discovery: discovery && {
      ...discovery,
      ...(name && { name: name.label }),
      ...(leftOutPorts && { ports: leftOutPorts.discoveryPorts }),
    },
  };
}

/** A sink that gives what comes in the task's own TTL, priority and weight; the same where it has none. */
export function shapedSink(into: RecordSink, { ttl, srv }: TaskShape): RecordSink {
  if (ttl === undefined && !srv) return into;
  const lives = new Set<string>();
  const live = (name: string): void => {
    if (ttl === undefined || lives.has(name)) return;
    lives.add(name);
    into.add('MORE', name, `TTL ${ttl}`, 'task-ttl');
  };
  // What has numbers of its own keeps them.
  const numbered = (value: string): string =>
    srv && !value.includes(' ') ? `${value} ${srv.priority} ${srv.weight}` : value;
  const add: RecordSink['add'] = (type, name, value, rule) => {
    into.add(type, name, type === 'SRV' ? numbered(value) : value, rule);
    live(name);
  };
  const addAddress: RecordSink['addAddress'] = (name, address, rule) => {
    into.addAddress(name, address, rule);
    live(name);
  };
  return {
    add,
    addAddress,
    at: (name, rule) => {
      const owner = into.at(name, rule);
      return {
        add: (type, value) => {
          owner.add(type, type === 'SRV' ? numbered(value) : value);
          live(name);
        },
        addAddress: (address) => {
          owner.addAddress(address);
          live(name);
        },
      };
    },
  };
}

type Shaped = {
  /** As `shapedTask` gives it. */
  readonly task: MesosTask;
  readonly shape: TaskShape;
  readonly rules: ShapeRules;
  readonly place: Omit<TaskPlace, 'names'>;
  readonly settings: RecordSettings;
};

/** The names that a task has by labels and rules alone: tags, numbered ports, aliases. */
export function addShape(into: RecordSink, shaped: Shaped): void {
  const { task, shape, rules, place, settings } = shaped;
  const label = toLabel(task.discovery?.name ?? task.name, settings.labelRules);
  if (label === '') return;
  addAliases(into, `${label}.${place.inDomain}`, shaped);
  const isTagged = shape.tags.length > 0 || shape.portTags.size > 0;
  if (!isTagged && rules.numberedPorts === 'off') return;
  const give = (name: string, rule: RecordRule): void => {
    for (const address of place.addresses) into.addAddress(`${name}.${place.inDomain}`, address, rule);
  };
  const ports = servicePorts(label, shaped);
  for (const tag of shape.tags) give(`${tag.label}.${label}`, 'task-tag');
  for (const { tags } of ports) for (const tag of tags) give(`${tag.label}.${label}`, 'task-tag');
  for (const { protocols, value, tags } of ports) {
    for (const tag of [...shape.tags, ...tags])
      for (const protocol of protocols)
        into.add('SRV', `_${tag.label}._${label}._${protocol}.${place.inDomain}`, value, 'task-tag-port');
  }
  if (rules.numberedPorts === 'off') return;
  const inOrder = rules.numberedPorts === 'number' ? ports.toSorted((a, b) => a.number - b.number) : ports;
  for (const [i, { protocols, value }] of inOrder.entries()) {
    const name = `${label}-port${i + 1}`;
    give(name, 'task-numbered-port');
    for (const protocol of protocols)
      into.add('SRV', `_${name}._${protocol}.${place.inDomain}`, value, 'task-numbered-port');
  }
}

function addAliases(into: RecordSink, shared: string, { shape, rules, place }: Shaped): void {
  for (const { name, isLabel, isZone } of place.addresses.length > 0 ? shape.aliases : []) {
    const alias = isLabel ? `${name}.${place.inDomain}` : name;
    if (alias === shared) continue;
    if (rules.aliases.as === 'cname' && !isZone) into.add('MORE', alias, `CNAME ${shared}`, 'task-alias');
    else for (const address of place.addresses) into.addAddress(alias, address, 'task-alias');
  }
}

type ServicePort = {
  readonly number: number;
  readonly protocols: readonly string[];
  /** Of SRV records. */
  readonly value: string;
  readonly tags: readonly Tag[];
};

/**
 * The ports that stand at `_<task>._tcp.<framework>.<domain>`, each once: those of the discovery info, or the host
 * ports of a task without one. Nothing listens on port 0.
 */
function servicePorts(label: string, { task, shape, place, settings }: Shaped): readonly ServicePort[] {
  const tail = instanceTail(task.id, task.agentId);
  if (!task.discovery) {
    const target = `${label}${tail}.${place.onAgent}`;
    return hostPorts(task, settings.maxPortsPerTask, () => undefined)
      .filter((number) => number > 0)
      .map((number) => ({ number, protocols: ['tcp', 'udp'], value: `${target}:${number}`, tags: [] }));
  }
  const target = `${label}${tail}.${place.inDomain}`;
  const { ports } = withVisiblePorts(task.discovery, settings.tasks?.minVisibility ?? 'framework');
  const known = new Map<string, ServicePort & { readonly tags: Tag[] }>();
  for (const port of ports) {
    if (port.number === 0) continue;
    const protocols = protocolLabels(port, settings);
    const key = `${port.number} ${protocols.join(' ')}`;
    const tags = tagsOf(port, shape);
    const before = known.get(key);
    if (before) before.tags.push(...tags);
    else
      known.set(key, {
        number: port.number,
        protocols,
        value: `${target}:${port.number}`,
        tags: [...tags],
      });
  }
  return [...known.values()];
}

function tagsOf(port: DiscoveryPort, { portTags }: TaskShape): readonly Tag[] {
  return portTags.get(port) ?? [];
}
