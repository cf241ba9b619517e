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

const PORT_LABEL = /^HAPROXY_(\d{1,5})_(?:VHOST|ENABLED)$/;

/** The ports that have such labels, by index. */
export function haproxyPorts(labels: LabelReader): readonly HaproxyPort[] {
  const indexes = new Set<number>();
  for (const key of labels.keys) {
    const [, index] = PORT_LABEL.exec(key) ?? [];
    if (index !== undefined) indexes.add(Number(index));
  }
  if (indexes.size === 0) return NONE;
  const groups = labels.list(GROUP);
  return [...indexes]
    .toSorted((a, b) => a - b)
    .map((index) => {
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
