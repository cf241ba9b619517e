import type { DiscoveryPort, MesosTask, Skipped } from '../cluster.ts';
import { toLabel } from './label.ts';
import { firstGroup } from './name-pattern.ts';
import { type Alias, readAliases } from './shape-aliases.ts';
import { createLabelReader, type LabelReader, quote } from './shape-labels.ts';
import { portsLeftOut, type PortsLeftOut } from './shape-ports.ts';
import { type PublishRule, whyUnpublished } from './shape-publish.ts';
import type { ShapeRules } from './shape-settings.ts';
import { readTags, type Tag } from './shape-tags.ts';

/** What labels and rules make of a task; what they say nothing of is left to it. */
export type TaskShape = {
  /** Why it is not published; undefined: it is. */
  readonly hidden?: PublishRule | undefined;
  /** A label in the place of its name and its discovery name, and what gives it. */
  readonly name?: ShapedName | undefined;
  readonly aliases: readonly Alias[];
  readonly tags: readonly Tag[];
  readonly portTags: ReadonlyMap<DiscoveryPort, readonly Tag[]>;
  readonly leftOutPorts?: PortsLeftOut | undefined;
  /** Seconds, for all names it gives. */
  readonly ttl?: number | undefined;
  /** Of its SRV records, where they are not the zone's. */
  readonly srv?: { readonly priority: number; readonly weight: number } | undefined;
  /** What becomes of it while it is unhealthy. */
  readonly health?: 'leave-out' | 'keep' | undefined;
  /** Labels that can't be used. */
  readonly problems: readonly Skipped[];
};

export type ShapedName = { readonly label: string; readonly by: string };

/** What labels and rules make of a task of the framework whose part of names is `part`. */
export type Shaper = (task: MesosTask, part: string) => TaskShape;

export const OWN = {
  publish: 'mesos-doh.publish',
  name: 'mesos-doh.name',
  alias: 'mesos-doh.alias',
  ttl: 'mesos-doh.ttl',
  weight: 'mesos-doh.weight',
  priority: 'mesos-doh.priority',
  health: 'mesos-doh.health',
} as const;

const MAX_TTL = 0x7fffffff;
const MAX_PORT = 0xffff;

const shapers = new WeakMap<ShapeRules, Shaper>();

/** `shapeOf`, which looks at a task once: all who have the same rules share what they know. */
export function createShaper(rules: ShapeRules): Shaper {
  const shared = shapers.get(rules);
  if (shared) return shared;
  const known = new WeakMap<MesosTask, { readonly part: string; readonly shape: TaskShape }>();
  const shaper: Shaper = (task, part) => {
    const before = known.get(task);
    if (before?.part === part) return before.shape;
    const shape = shapeOf(task, part, rules);
    known.set(task, { part, shape });
    return shape;
  };
  shapers.set(rules, shaper);
  return shaper;
}

/** What labels and rules make of a task. Pure: it hangs on the task, its framework's part of names, and the rules. */
export function shapeOf(task: MesosTask, part: string, rules: ShapeRules): TaskShape {
  const labels = createLabelReader(task.labels, `task ${quote(rawName(task))} of framework ${quote(part)}`);
  const name = nameOf(task, { labels, rules });
  const label = name?.label ?? toLabel(rawName(task), rules.labelRules);
  const hidden = whyUnpublished({ label, part, labels, rules });
  const { tags, portTags } = readTags(task, { label, labels, rules });
  const own = rules.ownLabels ? labels : NO_LABELS;
  return {
    hidden,
    name,
    aliases: readAliases({ part, labels, own, rules }),
    tags,
    portTags,
    leftOutPorts: portsLeftOut(task, { labels, rules }),
    ttl: own.number(OWN.ttl, MAX_TTL),
    srv: srvNumbers(own, rules),
    health: own.oneOf(OWN.health, ['leave-out', 'keep'] as const),
    problems: labels.problems(),
  };
}

const NO_LABELS: LabelReader = createLabelReader(undefined, '');

/** As the cluster wrote it: a discovery name takes the task's name's place. */
function rawName({ name, discovery }: MesosTask): string {
  return discovery?.name ?? name;
}

function nameOf(
  task: MesosTask,
  { labels, rules }: { readonly labels: LabelReader; readonly rules: ShapeRules },
): ShapedName | undefined {
  const { nameLabel, ownLabels, groups, labelRules } = rules;
  for (const key of [ownLabels ? OWN.name : undefined, nameLabel]) {
    const value = key === undefined ? undefined : labels.text(key);
    if (key === undefined || value === undefined) continue;
    const label = cleanName(value, rules);
    if (label !== '') return { label, by: `label ${key}` };
    labels.refuse(key, `${quote(value)} holds nothing that a name can have`);
  }
  const raw = rawName(task);
  for (const pattern of groups) {
    const label = cleanName(firstGroup(pattern, raw), rules);
    if (label !== '') return { label, by: `records.groups ${JSON.stringify(pattern.text)}` };
  }
  const label = cleanName(raw, rules);
  if (label === '' || label === toLabel(raw, labelRules)) return undefined;
  return { label, by: 'records.groupSeparator' };
}

/** A label; where a separator is set, with mesos-consul's cleaning before (`mesos/util.go`, cleanName). */
function cleanName(text: string, { groupSeparator, labelRules }: ShapeRules): string {
  if (groupSeparator === undefined) return toLabel(text, labelRules);
  return toLabel(text.replaceAll(/[^A-Za-z0-9_]/g, '-').replaceAll('_', groupSeparator), labelRules);
}

function srvNumbers(own: LabelReader, { srvWeight }: ShapeRules): TaskShape['srv'] {
  const priority = own.number(OWN.priority, MAX_PORT) ?? 0;
  const weight = own.number(OWN.weight, MAX_PORT) ?? srvWeight;
  return priority === 0 && weight === srvWeight ? undefined : { priority, weight };
}
