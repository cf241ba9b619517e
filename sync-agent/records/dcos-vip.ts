import { parseAddress } from '../../zone/address.ts';
import type { DiscoveryPort, MesosTask, ReportSkipped } from '../cluster.ts';
import { vipName } from './dcos-names.ts';
import type { DcosReach } from './dcos-reach.ts';
import { toFrameworkPart } from './label.ts';
import { type RecordSink, srvValue } from './record-set.ts';

/** A named VIP, and the real port behind it. */
type Backend = {
  readonly vip: string;
  /** The VIP's port. */
  readonly port: number;
  readonly protocols: readonly string[];
  readonly behind: Pick<DiscoveryPort, 'number' | 'labels' | 'srv'>;
};

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
  for (const { vip, port, protocols, behind } of backends(task, ports, report)) {
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

/** Of labels of discovery ports, `VIP_0: /web:80`, and of the task, `VIP_PORT0: tcp://web:80`, by its host ports. */
function* backends(
  task: MesosTask,
  ports: readonly DiscoveryPort[],
  report: ReportSkipped,
): Generator<Backend> {
  const read = (key: string, text: string): Pick<Backend, 'vip' | 'port'> | undefined => {
    const vip = readVip(text);
    if (vip === 'unreadable')
      report({
        reason: 'discovery-port',
        detail: `task ${task.id}: label ${key} is ${JSON.stringify(text)}, and should be /name:port`,
      });
    return typeof vip === 'string' ? undefined : vip;
  };
  for (const behind of ports) {
    for (const [key, text] of Object.entries(behind.labels ?? {})) {
      if (!/^(?:VIP|vip)/.test(key)) continue;
      const vip = read(key, text);
      if (vip) yield { ...vip, protocols: protocolsOf(behind), behind };
    }
  }
  for (const [key, text] of Object.entries(task.labels ?? {})) {
    const [, place] = /^vip_port(\d{1,5})$/i.exec(key) ?? [];
    const [, protocol, rest] = /^(tcp|udp):\/\/(.+)$/.exec(text) ?? [];
    const number = place === undefined ? undefined : hostPort(task, Number(place));
    if (protocol === undefined || rest === undefined || number === undefined) continue;
    const vip = read(key, rest);
    const behind = { number, labels: { 'network-scope': 'host' } };
    if (vip) yield { ...vip, protocols: [protocol], behind };
  }
}

/** `address`: a virtual address without a name (`1.2.3.4:80`). The port stands behind the last colon. */
function readVip(text: string): Pick<Backend, 'vip' | 'port'> | 'address' | 'unreadable' {
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
