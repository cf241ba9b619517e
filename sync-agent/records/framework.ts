import type { MesosFramework } from '../cluster.ts';
import type { RecordSink } from './record-set.ts';

/** A framework's own records: its scheduler's address, and the port if it is known. */
export function addFramework(
  into: RecordSink,
  framework: MesosFramework,
  { name, domain, addresses }: { name: string; domain: string; addresses: readonly string[] },
): void {
  const owner = `${name}.${domain}.`;
  for (const address of addresses) {
    into.addAddress(owner, address, 'framework');
    const port = framework.endpoint?.port ?? '';
    if (port !== '') into.add('SRV', `_framework._tcp.${owner}`, `${owner}:${port}`, 'framework-port');
  }
}

/** For reports. */
export function describeFramework({ name, id }: MesosFramework): string {
  return `framework ${JSON.stringify(name)} (${id})`;
}
