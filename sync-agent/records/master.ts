import { parseAddress } from '../../zone/address.ts';
import type { Endpoint } from '../cluster.ts';
import type { RecordSink } from './record-set.ts';
import type { AddressesOfHost } from './settings.ts';

/**
 * The masters' records (mesos-dns `records/generator.go`, masterRecord): `leader`, `master`, and `master0`, …
 * in the order of the list. The leader has no fixed number; where the list does not have it, it comes last.
 */
export function addMasters(
  into: RecordSink,
  leader: Endpoint | undefined,
  {
    masters,
    domain,
    addressesOf,
    hasServices = false,
  }: {
    masters: readonly Endpoint[];
    domain: string;
    addressesOf: AddressesOfHost;
    /** `_master._tcp` and `_udp`, which mesos-dns's manual has and its program has not. */
    hasServices?: boolean;
  },
): void {
  const addressTexts = ({ host }: Endpoint): readonly string[] =>
    parseAddress(host) ? [host] : addressesOf(host);
  const known = new Set<string>();
  const addMaster = (master: Endpoint): void => {
    known.add(master.host);
    for (const address of addressTexts(master)) into.addAddress(`master.${domain}.`, address, 'master');
  };
  let next = 0;
  const number = (master: Endpoint): void => {
    const addresses = addressTexts(master);
    const name = `master${next}.${domain}.`;
    for (const address of addresses) into.addAddress(name, address, 'master-number');
    for (const protocol of hasServices && addresses.length > 0 ? ['tcp', 'udp'] : [])
      into.add('SRV', `_master._${protocol}.${domain}.`, `${name}:${master.port}`, 'master-port');
    next++;
  };

  if (leader) {
    addMaster(leader);
    for (const address of addressTexts(leader)) into.addAddress(`leader.${domain}.`, address, 'leader');
    for (const protocol of ['tcp', 'udp']) {
      into.add('SRV', `_leader._${protocol}.${domain}.`, `leader.${domain}.:${leader.port}`, 'leader-port');
    }
  }
  let leaderNumbered = false;
  for (const master of masters) {
    if (leader && endpointText(master) === endpointText(leader)) {
      if (!leaderNumbered) number(leader);
      leaderNumbered = true;
      continue;
    }
    if (known.has(master.host)) continue;
    addMaster(master);
    number(master);
  }
  if (leader && !leaderNumbered) number(leader);
}

function endpointText({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
