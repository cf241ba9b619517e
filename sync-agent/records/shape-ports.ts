import type { DiscoveryPort, MesosTask, PortRange } from '../cluster.ts';
import { haproxyPorts } from './shape-haproxy.ts';
import { type LabelReader, quote } from './shape-labels.ts';
import type { ShapeRules } from './shape-settings.ts';

/** Which ports of a task labels and rules leave out. */
export type PortsLeftOut = {
  /** Those that stay, in order. */
  readonly hostPorts: readonly PortRange[];
  readonly discoveryPorts: readonly DiscoveryPort[];
  /** The labels or keys that leave out the others. */
  readonly by: string;
};

const MAX_SAID = 8;

/** By index from 0, in the order of discovery info, and in that of the host ports. */
export function portsLeftOut(
  { ports, discovery }: MesosTask,
  { labels, rules }: { readonly labels: LabelReader; readonly rules: ShapeRules },
): PortsLeftOut | undefined {
  const announced = discovery?.ports ?? [];
  const by: string[] = [];
  const listed = listedPorts(Math.max(hostPortCount(ports), announced.length), { labels, rules });
  if (listed) by.push(`label ${rules.portLabel}`);
  const off = new Set<number>();
  for (const { index, enabled, enabledLabel } of rules.haproxy ? haproxyPorts(labels) : []) {
    if (enabled !== false) continue;
    off.add(index);
    by.push(`label ${enabledLabel}`);
  }
  const hasZero = rules.zeroPorts === 'left-out' && announced.some(({ number }) => number === 0);
  if (hasZero) by.push('its number, which is 0');
  if (by.length === 0) return undefined;
  const stays = (index: number): boolean => !off.has(index) && (listed?.has(index) ?? true);
  return {
    hostPorts: listed || off.size > 0 ? portsThatStay(ports, { listed, off }) : ports,
    discoveryPorts: announced.filter(({ number }, index) => stays(index) && !(hasZero && number === 0)),
    by: by.length > MAX_SAID ? `${by.slice(0, MAX_SAID).join(', ')} and more` : by.join(', '),
  };
}

function listedPorts(
  count: number,
  { labels, rules: { portLabel } }: { readonly labels: LabelReader; readonly rules: ShapeRules },
): ReadonlySet<number> | undefined {
  if (portLabel === undefined || labels.text(portLabel) === undefined) return undefined;
  const listed = new Set<number>();
  for (const text of labels.list(portLabel)) {
    if (/^\d{1,5}$/.test(text) && Number(text) < count) listed.add(Number(text));
    else labels.refuse(portLabel, `${quote(text)} is no index of its ${count} ports, which begin at 0`);
  }
  return listed;
}

function hostPortCount(ranges: readonly PortRange[]): number {
  return ranges.reduce((count, { begin, end }) => count + Math.max(0, end - begin + 1), 0);
}

/** Ranges may be long: they are cut at what is left out, or what is listed is looked up in them. */
function portsThatStay(
  ranges: readonly PortRange[],
  { listed, off }: { readonly listed: ReadonlySet<number> | undefined; readonly off: ReadonlySet<number> },
): readonly PortRange[] {
  const stay: PortRange[] = [];
  const indexes = [...(listed ?? off)].toSorted((a, b) => a - b);
  let at = 0;
  let first = 0;
  for (const { begin, end } of ranges) {
    const behind = first + Math.max(0, end - begin + 1);
    let from = begin;
    for (let index = indexes[at]; index !== undefined && index < behind; index = indexes[++at]) {
      const port = begin + index - first;
      if (listed) {
        if (!off.has(index)) stay.push({ begin: port, end: port });
        continue;
      }
      if (from < port) stay.push({ begin: from, end: port - 1 });
      from = port + 1;
    }
    if (!listed && from <= end) stay.push({ begin: from, end });
    first = behind;
  }
  return stay;
}
