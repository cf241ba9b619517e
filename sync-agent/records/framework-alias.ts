import type { Ended, MesosFramework } from '../cluster.ts';
import { toFrameworkPart } from './label.ts';
import type { RecordSettings } from './settings.ts';

type Aliases = Pick<RecordSettings, 'frameworkAliases'>;

/** All that a framework's names are made with: its own part, and those of its aliases. */
export function partsOf(part: string, { frameworkAliases }: Aliases): readonly string[] {
  const aliases = frameworkAliases?.get(part);
  return aliases ? [part, ...aliases] : [part];
}

/**
 * What ended has ended under the aliases too: the guard knows frameworks by their part in names. An alias that a
 * registered framework is called by is that one's, which has not ended.
 */
export function withAliasesEnded(
  ended: Ended,
  registered: readonly Pick<MesosFramework, 'name'>[],
  { frameworkAliases, labelRules }: Aliases & Pick<RecordSettings, 'labelRules'>,
): Ended {
  if (!frameworkAliases || frameworkAliases.size === 0) return ended;
  const taken = new Set(registered.map(({ name }) => toFrameworkPart(name, labelRules)));
  const namesOf = (name: string): readonly string[] => {
    const aliases = frameworkAliases.get(toFrameworkPart(name, labelRules)) ?? [];
    return [name, ...aliases.filter((alias) => !taken.has(alias))];
  };
  const aliased = new Set(
    registered.flatMap(({ name }) => frameworkAliases.get(toFrameworkPart(name, labelRules)) ?? []),
  );
  // One that was called like a registered one's alias says nothing of the names that this gave.
  const frameworks = ended.frameworks.filter((name) => !aliased.has(toFrameworkPart(name, labelRules)));
  const { tasks, namesakes, frameworkIds } = ended;
  return {
    ...ended,
    tasks: tasks.flatMap((task) =>
      namesOf(task.frameworkName).map((frameworkName) => ({ ...task, frameworkName })),
    ),
    frameworks: frameworks.flatMap((name) => namesOf(name)),
    ...(namesakes && { namesakes: namesakes.flatMap((name) => namesOf(name)) }),
    ...(frameworkIds && {
      frameworkIds: new Map(
        [...frameworkIds].flatMap(([name, ids]) => namesOf(name).map((each) => [each, ids] as const)),
      ),
    }),
  };
}
