import type { LabelReader } from './shape-labels.ts';

export const GROUP = 'HAPROXY_GROUP';

/** What Marathon-LB's labels say of one port of a task (mesosphere/marathon-lb `Longhelp.md`). */
export type HaproxyPort = {
  /** Of the port in the app's definition, from 0. */
  readonly index: number;
  readonly vhostLabel: string;
  readonly vhosts: readonly string[];
  readonly enabled: boolean | undefined;
  readonly enabledLabel: string;
  /** Its own, or else the app's. */
  readonly groups: readonly string[];
};

/** Of one task; whoever starts it may write any number of labels, and they are looked at with each read of the cluster. */
const MAX_PORTS = 256;
const PORT_LABEL = /^HAPROXY_(\d{1,5})_(?:VHOST|ENABLED)$/;

const known = new WeakMap<LabelReader, readonly HaproxyPort[]>();

/** The ports that have such labels, by index. A task's labels are gone through once, whoever asks for them. */
export function haproxyPorts(labels: LabelReader): readonly HaproxyPort[] {
  const before = known.get(labels);
  if (before) return before;
  const ports = readPorts(labels);
  known.set(labels, ports);
  return ports;
}

function readPorts(labels: LabelReader): readonly HaproxyPort[] {
  const indexes = new Set<number>();
  for (const key of labels.keys) {
    const [, index] = PORT_LABEL.exec(key) ?? [];
    if (index !== undefined) indexes.add(Number(index));
  }
  if (indexes.size === 0) return NONE;
  const groups = labels.list(GROUP);
  const inOrder = [...indexes].toSorted((a, b) => a - b);
  const beyond = inOrder[MAX_PORTS];
  if (beyond !== undefined)
    labels.refuse(`HAPROXY_${beyond}`, `only the first ${MAX_PORTS} ports that have such labels count`);
  return inOrder.slice(0, MAX_PORTS).map((index) => {
    const own = labels.list(`HAPROXY_${index}_GROUP`);
    const [vhostLabel, enabledLabel] = [`HAPROXY_${index}_VHOST`, `HAPROXY_${index}_ENABLED`];
    return {
      index,
      vhostLabel,
      vhosts: labels.list(vhostLabel),
      enabled: labels.flag(enabledLabel),
      enabledLabel,
      groups: own.length > 0 ? own : groups,
    };
  });
}

/** Is one of an app's groups among those that count? `*` is all of them, also of an app that has none. */
export function inGroups(groups: readonly string[], counted: readonly string[]): boolean {
  return counted.includes('*') || groups.some((group) => counted.includes(group));
}

const NONE: readonly HaproxyPort[] = [];
