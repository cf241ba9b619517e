import type { MesosFramework, ReportSkipped } from '../cluster.ts';
import { describeFramework } from './framework.ts';
import { partsOf } from './framework-alias.ts';
import type { RecordSettings } from './settings.ts';

const MAX_NAMED = 5;

/** A framework, and what names have of its own. */
type NamedFramework = { readonly framework: MesosFramework; readonly part: string };

/**
 * Tells of frameworks whose names are one in DNS, so that answers hold the tasks of all: once for each name, by the
 * frameworks' ids. Nothing is left out for it. mesos-dns mixes them without a word.
 */
export function reportNameConflicts(
  frameworks: readonly NamedFramework[],
  settings: RecordSettings,
  report: ReportSkipped,
): void {
  if (settings.reservedNames === 'mixed') return;
  const byName = new Map<string, { readonly ids: Set<string>; readonly who: Set<string> }>();
  for (const { framework, part } of frameworks) {
    for (const name of partsOf(part, settings)) {
      if (name === '') continue;
      const { ids, who } = byName.get(name) ?? { ids: new Set<string>(), who: new Set<string>() };
      byName.set(name, { ids: ids.add(framework.id), who: who.add(describeFramework(framework)) });
    }
  }
  for (const [name, { ids, who }] of byName) {
    if (ids.size < 2) continue;
    const more = who.size > MAX_NAMED ? ` and ${who.size - MAX_NAMED} more` : '';
    report({
      reason: 'name-conflict',
      detail: `${name} is the name of ${[...who].toSorted().slice(0, MAX_NAMED).join(', ')}${more}: its answers hold the tasks of all`,
    });
  }
}
