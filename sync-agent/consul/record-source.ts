import type { Ended, Skipped } from '../cluster.ts';
import type { RecordSource } from '../record-source.ts';
import type { RecordSet } from '../records/record-set.ts';
import type { ConsulCatalog, ConsulState } from '../sources/consul-catalog.ts';
import { consulRecords, type ConsulRecordSettings, shownInstances } from './records.ts';

/** Consul's catalogue as records. For the guard a service is what a framework is, and an instance a task. */
export function createConsulRecordSource(
  catalog: Pick<ConsulCatalog, 'name' | 'read' | 'follow'>,
  settings: ConsulRecordSettings,
): RecordSource {
  let last:
    | {
        readonly of: ConsulState['datacenters'];
        readonly records: RecordSet;
        readonly skipped: readonly Skipped[];
      }
    | undefined;
  return {
    name: catalog.name,
    follow: catalog.follow,
    read: async (report, signal) => {
      const { datacenters, asOfMs } = await catalog.read(report, signal);
      const isSame =
        last?.of.length === datacenters.length && datacenters.every((each, i) => each === last?.of[i]);
      if (!last || !isSame) {
        const skipped: Skipped[] = [];
        const records = consulRecords(datacenters, settings, (each) => void skipped.push(each));
        last = { of: datacenters, records, skipped };
      }
      for (const each of last.skipped) report(each);
      const services = datacenters.flatMap((datacenter, i) =>
        datacenter.services.map((service) => ({
          service,
          shown: shownInstances(service, settings).length,
          parts: [
            `${service.name}.service.${datacenter.name}`,
            ...(i === 0 ? [`${service.name}.service`] : []),
          ],
        })),
      );
      const alive = services.filter(({ shown }) => shown > 0);
      return {
        records: last.records,
        ended: endedServices(services),
        recoveringAgents: 0,
        agents: datacenters.reduce((sum, { nodes }) => sum + nodes.length, 0),
        frameworks: services.length,
        frameworkIds: services.flatMap(({ parts }) => parts),
        tasks: alive.reduce((sum, { shown }) => sum + shown, 0),
        asOfSeconds: Math.floor(asOfMs / 1000),
      };
    },
  };
}

/** Services that are registered, and of which nothing is healthy: Consul itself says why their names are gone. */
function endedServices(
  services: readonly { readonly shown: number; readonly parts: readonly string[] }[],
): Ended {
  const parts = services.filter(({ shown }) => shown === 0).flatMap((each) => each.parts);
  return { tasks: [], frameworks: parts, frameworkIds: new Map(parts.map((part) => [part, [part]])) };
}
