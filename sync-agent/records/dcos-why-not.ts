import type { ClusterState } from '../cluster.ts';
import { dcosFramework, mesosTwin } from './dcos-names.ts';
import { instanceTail } from './instance.ts';
import { toFrameworkPart, toLabel } from './label.ts';
import { type WhyNot, whyNot, type WhyNotOptions } from './why-not.ts';

/** Everything in a state that would give one of DC/OS's names (lower case, with its final dot) and does not. Pure. */
export function dcosWhyNot(state: ClusterState, name: string, options: WhyNotOptions): WhyNot[] {
  const twin = mesosTwin(name, options.settings.domain);
  if (!twin) return [];
  const found = whyNot(state, twin.name, options);
  if (twin.kind !== 'containerip' || found.length > 0) return found;
  for (const framework of state.frameworks) {
    const part = dcosFramework(toFrameworkPart(framework.name, options.settings.labelRules));
    for (const task of framework.tasks) {
      const label = toLabel(task.discovery?.name ?? task.name, 'rfc1123');
      const names = [label, label + instanceTail(task.id, task.agentId)].map((each) => `${each}.${part}`);
      if (!names.includes(twin.rest) || task.running.some(({ netinfo }) => netinfo.length > 0)) continue;
      const who = `task ${task.id} of framework ${JSON.stringify(framework.name)}`;
      found.push({ reason: 'no-address', detail: `${who} reports no address of its own (network infos)` });
    }
  }
  return found;
}
