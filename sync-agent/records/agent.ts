import type { MesosAgent } from '../cluster.ts';
import type { RecordSink } from './record-set.ts';

/** An agent's share of `slave.<domain>`. */
export function addAgent(
  into: RecordSink,
  agent: MesosAgent,
  { domain, addresses }: { domain: string; addresses: readonly string[] },
): void {
  const owner = `slave.${domain}.`;
  for (const address of addresses) into.addAddress(owner, address, 'agent');
  if (addresses.length > 0)
    into.add('SRV', `_slave._tcp.${domain}.`, `${owner}:${agent.endpoint?.port ?? ''}`, 'agent-port');
}
