import { parseAddress } from '../../zone/address.ts';
import type { DiscoveryPort, MesosTask, ReportSkipped } from '../cluster.ts';
import { vipName } from './dcos-names.ts';
import type { DcosReach } from './dcos-reach.ts';
import { toFrameworkPart } from './label.ts';
import { type RecordSink, srvValue } from './record-set.ts';

/** What a label of a task, or of a port of it, says of VIPs; those that are addresses have no name and are not here. */
export type VipOffer = VipLabel & (NamedVip | RefusedVip);

/** `on`: whose label it is. */
type VipLabel = { readonly key: string; readonly text: string; readonly on: 'port' | 'task' };

/** A named VIP, and the real port behind it. */
export type NamedVip = {
  readonly kind: 'named';
  readonly vip: string;
  /** The VIP's port. */
  readonly port: number;
  readonly protocols: readonly string[];
  readonly behind: Pick<DiscoveryPort, 'number' | 'labels' | 'srv'>;
};

/** `why` follows the label's text: `, and should be …`. */
type RefusedVip = { readonly kind: 'refused'; readonly why: string };

const PROTOCOLS = ['tcp', 'udp'] as const;

/**
 * The names of DC/OS's virtual addresses, answered with what is behind them: a virtual address is routed inside the
 * cluster alone. Of a task that offers a VIP on several ports all are at its name; the SRV record of the VIP's port
 * (`_80._web._tcp.marathon.l4lb.…`) leads to those behind that one.
 */
export function addVips(
  into: RecordSink,
  task: MesosTask,
  {
    part,
    reach,
    ports,
    report,
  }: {
    /** The framework's part of names, dots and all. */
    readonly part: string;
    readonly reach: DcosReach;
    /** Discovery ports that may be seen. */
    readonly ports: readonly DiscoveryPort[];
    readonly report: ReportSkipped;
  },
): void {
  for (const offer of vipOffers(task, ports)) {
    if (offer.kind === 'refused') {
      const reason = offer.on === 'port' ? 'discovery-port' : 'task-label';
      report({ reason, detail: `task ${task.id}: ${describeRefused(offer)}` });
      continue;
    }
    const { vip, port, protocols, behind } = offer;
    const site = reach.siteOf(behind);
    if (!site || reach.addresses[site].length === 0) continue;
    for (const address of reach.addresses[site]) into.addAddress(vipName(vip, part), address, 'dcos-vip');
    for (const protocol of protocols) {
      const service = vipName(`_${vip}._${protocol}`, part);
      const value = srvValue(reach.targets[site], behind.number, behind.srv);
      into.add('SRV', service, value, 'dcos-vip-port');
      into.add('SRV', `_${port}.${service}`, value, 'dcos-vip-port');
    }
  }
}

/** For reports. */
export function describeRefused({ key, text, why }: VipLabel & RefusedVip): string {
  return `label ${key} is ${JSON.stringify(text)}${why}`;
}

/**
 * Of labels of discovery ports, `VIP_0: /web:80`, and of the task, `VIP_PORT0: tcp://web:80`, by its host ports. One
 * label that is wrong is no reason for another.
 */
export function* vipOffers(task: MesosTask, ports: readonly DiscoveryPort[]): Generator<VipOffer> {
  const onPorts = new Set<string>();
  for (const behind of ports) {
    for (const [key, text] of Object.entries(behind.labels ?? {})) {
      if (!/^(?:VIP|vip)/.test(key)) continue;
      onPorts.add(text);
      const label = { key, text, on: 'port' } as const;
      const vip = readVip(text);
      const protocols = protocolsOf(behind);
      if (vip === 'unreadable') yield { ...label, kind: 'refused', why: ', and should be /name:port' };
      else if (vip !== 'address' && protocols.length > 0)
        yield { ...label, kind: 'named', ...vip, protocols, behind };
      else if (vip !== 'address')
        yield {
          ...label,
          kind: 'refused',
          why: `, and its port ${behind.number} has protocol ${JSON.stringify(behind.protocol)}: a VIP has tcp or udp`,
        };
    }
  }
  for (const [key, text] of Object.entries(task.labels ?? {})) {
    const label = { key, text, on: 'task' } as const;
    if (/^vip_port/i.test(key)) yield* offersOfTask(label, task);
    // A slip that is easily made: DC/OS has no VIP of it either.
    else if (/^vip_\d+$/i.test(key) && !onPorts.has(text) && readVip(text) !== 'unreadable')
      yield { ...label, kind: 'refused', why: ", and is the task's: it counts on one of its ports alone" };
  }
}

function* offersOfTask(label: VipLabel & { readonly on: 'task' }, task: MesosTask): Generator<VipOffer> {
  const { key, text } = label;
  const refused = (why: string): VipOffer => ({ ...label, kind: 'refused', why });
  const [, protocol, rest = ''] = /^(tcp|udp):\/\/(.*)$/.exec(text) ?? [];
  const [, place] = /^vip_port(\d{1,5})$/i.exec(key) ?? [];
  if (place === undefined) {
    // Any other label may begin like that.
    if (protocol !== undefined) yield refused(', and its name should be VIP_PORT and a number, from 0');
    return;
  }
  const vip = readVip(rest);
  if (protocol === undefined || vip === 'unreadable')
    return yield refused(', and should be tcp://name:port or udp://name:port');
  const number = hostPort(task, Number(place));
  if (number === undefined) {
    const count = task.ports.reduce((sum, { begin, end }) => sum + Math.max(0, end - begin + 1), 0);
    const last = `the task's last host port is number ${count - 1}`;
    return yield refused(`, and ${count === 0 ? 'the task has no host port' : last}`);
  }
  if (vip === 'address') return;
  const behind = { number, labels: { 'network-scope': 'host' } };
  yield { ...label, kind: 'named', ...vip, protocols: [protocol], behind };
}

/** `address`: a virtual address without a name (`1.2.3.4:80`). The port stands behind the last colon. */
function readVip(text: string): Pick<NamedVip, 'vip' | 'port'> | 'address' | 'unreadable' {
  const colon = text.lastIndexOf(':');
  const [name, port] = [text.slice(0, Math.max(0, colon)), text.slice(colon + 1)];
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535) return 'unreadable';
  if (parseAddress(name.replace(/^\[(.*)\]$/, '$1'))) return 'address';
  const vip = toFrameworkPart(name, 'rfc1123');
  return vip === '' ? 'unreadable' : { vip, port: Number(port) };
}

/** Those of tcp and udp that it names, `udp,tcp` included; without any word both. */
function protocolsOf({ protocol }: DiscoveryPort): readonly string[] {
  const named = protocol.toLowerCase().split(',');
  return protocol === '' ? PROTOCOLS : PROTOCOLS.filter((each) => named.includes(each));
}

function hostPort({ ports }: MesosTask, place: number): number | undefined {
  let left = place;
  for (const { begin, end } of ports) {
    const size = Math.max(0, end - begin + 1);
    if (left < size) return begin + left;
    left -= size;
  }
  return undefined;
}
