import type { DiscoveryPort, MesosTask } from '../cluster.ts';
import { toLabel } from './label.ts';
import { createLabelReader, type LabelReader, listOf, quote } from './shape-labels.ts';
import type { ShapeRules } from './shape-settings.ts';

/** A tag as a label, and what gives it. */
export type Tag = { readonly label: string; readonly by: string };

export type Tags = {
  readonly tags: readonly Tag[];
  /** Of single ports; a port's name is a tag of it, as with mesos-consul. */
  readonly portTags: ReadonlyMap<DiscoveryPort, readonly Tag[]>;
};

const TAGS = 'tags';
const MAX_TAGS = 32;
const NONE: Tags = { tags: [], portTags: new Map() };

/** Tags of a task's label `tags`, of `records.taskTags`, and of its ports. `label` is what it is called. */
export function readTags(
  { discovery }: MesosTask,
  {
    label,
    labels,
    rules,
  }: { readonly label: string; readonly labels: LabelReader; readonly rules: ShapeRules },
): Tags {
  if (!rules.tags) return NONE;
  const collect = (lists: readonly (readonly [texts: readonly string[], by: string])[]): readonly Tag[] => {
    const found = new Map<string, Tag>();
    for (const [texts, by] of lists) {
      for (const text of texts) {
        const tag = toLabel(text, rules.labelRules);
        if (tag === '') labels.refuse(TAGS, `${quote(text)} holds nothing that a name can have`);
        else if (found.size < MAX_TAGS || found.has(tag))
          found.set(tag, found.get(tag) ?? { label: tag, by });
        else labels.refuse(TAGS, `only the first ${MAX_TAGS} tags of a task count`);
      }
    }
    return [...found.values()];
  };
  const byRule = rules.taskTags.filter(({ text }) => label.includes(text.toLowerCase()));
  const tags = collect([
    [labels.list(TAGS), `label ${TAGS}`],
    ...byRule.map((rule) => [rule.tags, `records.taskTags ${JSON.stringify(rule.text)}`] as const),
  ]);
  const portTags = new Map<DiscoveryPort, readonly Tag[]>();
  for (const port of discovery?.ports ?? []) {
    const own = createLabelReader(port.labels, '');
    const found = collect([
      [toLabel(port.name, rules.labelRules) === '' ? [] : [port.name], 'the name of its port'],
      [listOf(own.text(TAGS)), `label ${TAGS} of port ${port.number}`],
    ]);
    if (found.length > 0) portTags.set(port, found);
  }
  return { tags, portTags };
}
