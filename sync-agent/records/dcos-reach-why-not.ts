import type { ClusterState } from '../cluster.ts';
import { dcosName, type DcosKind, mesosTwin } from './dcos-names.ts';
import { dcosPlacedTasks, portWhyNot } from './dcos-placed-tasks.ts';
import { toLabel } from './label.ts';
import { protocolLabels } from './task.ts';
import type { WhyNot, WhyNotOptions } from './why-not.ts';

const KINDS: readonly DcosKind[] = ['agentip', 'containerip', 'autoip'];

/** Why tasks whose names in Mesos's zone are there have no address of their container. Pure. */
export function containerWhyNot(state: ClusterState, name: string, options: WhyNotOptions): WhyNot[] {
  const found: WhyNot[] = [];
  for (const { task, who, absent, reach } of dcosPlacedTasks(state, options)) {
    if (absent || !reach || reach.addresses.containerip.length > 0) continue;
    if (![dcosName(reach.name, reach.framework, 'containerip'), reach.targets.containerip].includes(name))
      continue;
    const told = [...new Set(task.running.flatMap(({ netinfo }) => netinfo))];
    const detail =
      told.length === 0
        ? `${who} reports no address of its own (network infos)`
        : `${who} reports ${told.join(', ')}, none of which is published (records.addresses.exclude, the variant's ipSources)`;
    found.push({ reason: 'no-address', detail });
  }
  return found;
}

/** Why ports of tasks, which Mesos's zone has, are not at a service's name in DC/OS's. Pure. */
export function serviceWhyNot(state: ClusterState, name: string, options: WhyNotOptions): WhyNot[] {
  const { settings } = options;
  const kind = mesosTwin(name, settings.domain)?.kind;
  const found: WhyNot[] = [];
  const elsewhere: WhyNot[] = [];
  let isGiven = false;
  for (const placed of dcosPlacedTasks(state, options)) {
    const { who, absent, reach, ports } = placed;
    if (absent || !reach) continue;
    for (const port of ports) {
      const label = toLabel(port.name, 'rfc1123');
      const isAsked = (each: DcosKind): boolean =>
        protocolLabels(port, settings).some((protocol) => {
          const owner = dcosName(`_${reach.name}._${protocol}`, reach.framework, each);
          return name === owner || (label !== '' && name === `_${label}.${owner}`);
        });
      if (!KINDS.some((each) => isAsked(each))) continue;
      const site = reach.siteOf(port);
      const why = portWhyNot({ placed, port, what: label === '' ? 'what it offers' : `port ${port.name}` });
      if (why) found.push(why);
      else if (kind === 'autoip' || site === undefined || site === kind) isGiven = true;
      else
        elsewhere.push({
          reason: 'no-port',
          detail: `${who}: port ${port.number} is one of its ${site === 'agentip' ? 'agent' : 'container'}: ask for the name with ${site} or autoip`,
        });
    }
  }
  return isGiven ? found : [...found, ...elsewhere];
}
