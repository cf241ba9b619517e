import type { MesosTask, ReportSkipped } from '../cluster.ts';
import { instanceTail } from './instance.ts';
import { toLabel } from './label.ts';
import { type RecordRule, type RecordSink, srvValue } from './record-set.ts';
import { addServiceBindings, boundPorts } from './service-binding.ts';
import type { RecordSettings } from './settings.ts';
import { taskParts, type TaskPlace } from './task.ts';
import { type ServedPort, servedPorts } from './task-ports.ts';
import { taskTexts } from './task-text.ts';

export type FurtherOptions = {
  readonly place: Omit<TaskPlace, 'names'>;
  readonly settings: RecordSettings;
  readonly report: ReportSkipped;
};

/** A running task's records that mesos-dns has not: each by its switch in `FurtherRecords`. */
export function addFurtherRecords(
  into: RecordSink,
  task: MesosTask,
  { settings, place, report }: FurtherOptions,
): void {
  const { further } = settings;
  if (!further) return;
  const parts = taskParts(task, settings);
  const ports = servedPorts(task, settings);
  const tail = instanceTail(task.id, task.agentId);
  const targetOf = (part: string, { onAgent }: ServedPort): string =>
    `${part}${tail}.${onAgent ? place.onAgent : place.inDomain}`;

  if (further.numberedPorts) {
    for (const part of parts)
      for (const port of ports)
        addServices(into, port, {
          owners: [`_port${port.index}._${part}`],
          target: targetOf(part, port),
          suffix: place.inDomain,
          rule: 'numbered-port',
        });
  }
  const group = further.groupServices ? groupOf(task, settings) : undefined;
  if (group) {
    for (const port of ports)
      addServices(into, port, {
        owners: [`_${group.service}`, ...(port.name === '' ? [] : [`_${port.name}._${group.service}`])],
        target: targetOf(parts.at(-1) ?? '', port),
        suffix: `${group.above}.${place.inDomain}`,
        rule: 'group-service',
      });
  }
  const reached = ports.filter(
    ({ onAgent }) => (onAgent ? place.agentAddresses : place.addresses).length > 0,
  );
  const bound = boundPorts(task, reached, { from: further.serviceBindings, report });
  for (const part of bound.length > 0 ? parts : [])
    addServiceBindings(into, bound, {
      shared: `${part}.${place.inDomain}`,
      instance: `${part}${tail}.${place.inDomain}`,
      instanceOnAgent: `${part}${tail}.${place.onAgent}`,
    });
  // A name is there where the task has an address, whatever else it has.
  if (further.txt.length === 0 || place.addresses.length === 0) return;
  const framework = place.inDomain.slice(0, -`.${settings.domain}.`.length);
  for (const { value, isShared } of taskTexts(task, { txt: further.txt, part: framework, report })) {
    for (const part of parts) {
      into.add('MORE', `${part}${tail}.${place.inDomain}`, value, 'task-metadata');
      if (isShared) into.add('MORE', `${part}.${place.inDomain}`, value, 'task-metadata');
    }
  }
}

function addServices(
  into: RecordSink,
  { number, protocols, srv }: ServedPort,
  {
    owners,
    target,
    suffix,
    rule,
  }: { owners: readonly string[]; target: string; suffix: string; rule: RecordRule },
): void {
  for (const protocol of protocols)
    for (const owner of owners)
      into.add('SRV', `${owner}._${protocol}.${suffix}`, srvValue(target, number, srv), rule);
}

/** What Marathon calls `/prod/db/web` is `web.db.prod` to Mesos: a service and the group it is in. */
function groupOf(
  { name, discovery }: MesosTask,
  { labelRules }: RecordSettings,
): { readonly service: string; readonly above: string } | undefined {
  const [service = '', ...above] = (discovery?.name ?? name)
    .split('.')
    .map((piece) => toLabel(piece, labelRules));
  if (service === '' || above.length === 0 || above.includes('')) return undefined;
  return { service, above: above.join('.') };
}
