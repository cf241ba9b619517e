import type { MesosFramework, Skipped } from '../cluster.ts';
import { aliasConflicts } from './alias-conflict.ts';
import { listed, mostOf, type NamedFramework } from './conflict.ts';
import { describeFramework } from './framework.ts';
import { partsOf } from './framework-alias.ts';
import { roleConflicts } from './role-conflict.ts';
import type { RecordSettings } from './settings.ts';
import { createShaper } from './shape.ts';

const NONE: readonly Skipped[] = [];

/**
 * Names that are given by more than one: by several frameworks, by several roles of one, by an alias and by another.
 * Each is told once, by the ids. Nothing is left out for it. mesos-dns mixes them without a word.
 */
export function nameConflicts(
  frameworks: readonly NamedFramework[],
  staticNames: () => Iterable<string>,
  settings: RecordSettings,
): readonly Skipped[] {
  if (settings.reservedNames === 'mixed') return NONE;
  const shaper = settings.shape && createShaper(settings.shape);
  return [
    ...mostOf(frameworkConflicts(frameworks, settings), 'name-conflict'),
    ...mostOf(
      frameworks.flatMap((each) => roleConflicts(each, { settings, shaper })),
      'name-conflict',
    ),
    ...mostOf(aliasConflicts(frameworks, { staticNames, settings, shaper }), 'alias-conflict'),
  ];
}

/** Frameworks whose names are one in DNS. */
function frameworkConflicts(frameworks: readonly NamedFramework[], settings: RecordSettings): string[] {
  const byName = new Map<string, MesosFramework[]>();
  for (const { framework, part } of frameworks) {
    for (const name of partsOf(part, settings)) {
      if (name === '') continue;
      const known = byName.get(name);
      if (known) known.push(framework);
      else byName.set(name, [framework]);
    }
  }
  const details: string[] = [];
  for (const [name, all] of byName) {
    if (new Set(all.map(({ id }) => id)).size < 2) continue;
    const who = listed(all.map((each) => `${describeFramework(each)}${rolesOf(each)}`));
    details.push(`${name} is the name of ${who}: its answers hold the tasks of all`);
  }
  return details;
}

function rolesOf({ roles = [] }: MesosFramework): string {
  return roles.length > 0 ? ` of ${roles.length > 1 ? 'roles' : 'role'} ${listed(roles)}` : '';
}
