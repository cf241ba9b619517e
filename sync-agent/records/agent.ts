import { parseAddress } from '../../zone/address.ts';
import type { MesosAgent } from '../cluster.ts';
import { toFrameworkPart, toLabel } from './label.ts';
import type { RecordSink } from './record-set.ts';

/** What agents' own names are below, with its final dot. */
export function agentDomain(domain: string): string {
  return `agent.${domain}.`;
}

/** An agent's share of `slave.<domain>`, and where it `hasName` its own name below `agent.<domain>`. */
export function addAgent(
  into: RecordSink,
  agent: MesosAgent,
  { domain, addresses, hasName = false }: { domain: string; addresses: readonly string[]; hasName?: boolean },
): void {
  const owner = `slave.${domain}.`;
  for (const address of addresses) into.addAddress(owner, address, 'agent');
  const label = hasName ? agentLabels(agent.hostname ?? '') : '';
  if (label !== '')
    for (const address of addresses)
      into.addAddress(`${label}.${agentDomain(domain)}`, address, 'agent-host-name');
  if (addresses.length > 0)
    into.add('SRV', `_slave._tcp.${domain}.`, `${owner}:${agent.endpoint?.port ?? ''}`, 'agent-port');
}

/** A host name keeps its dots; an address, which is what Mesos falls back to, has dashes: `10-0-0-1`. */
function agentLabels(hostname: string): string {
  if (parseAddress(hostname)) return toLabel(hostname.replaceAll(/[.:]+/g, '-'), 'rfc1123');
  return toFrameworkPart(hostname, 'rfc1123');
}
