import * as v from 'valibot';
import { parseName } from '../zone/name.ts';
import { readable } from './config-values.ts';
import type { LabelRules } from './records/label.ts';
import { type NamePattern, parseGroupPattern, parseNamePattern } from './records/name-pattern.ts';
import type { ShapeRules } from './records/shape-settings.ts';

const MAX_PATTERNS = 100;
const MAX_SEPARATOR = 10;

const patterns = (read: (text: string) => NamePattern): v.GenericSchema<string[]> =>
  v.pipe(v.array(readable(read)), v.maxLength(MAX_PATTERNS));
const word = v.pipe(v.string(), v.nonEmpty());

/** Keys of `records` on what labels and rules make of tasks. One table of them: `docs/labels.md`. */
export const shapeEntries = {
  include: v.optional(patterns(parseNamePattern)),
  exclude: v.optional(patterns(parseNamePattern)),
  includeFrameworks: v.optional(patterns(parseNamePattern)),
  excludeFrameworks: v.optional(patterns(parseNamePattern)),
  groups: v.optional(patterns(parseGroupPattern)),
  groupSeparator: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(MAX_SEPARATOR),
      v.regex(/^[A-Za-z0-9-]*$/, 'should be letters, digits and dashes, or empty'),
    ),
  ),
  overrideTaskName: v.optional(v.union([word, v.literal(false)], 'should be the name of a label, or false')),
  labels: v.optional(v.picklist(['read', 'ignored'])),
  publish: v.optional(v.picklist(['all', 'labelled'])),
  tags: v.optional(v.boolean()),
  taskTags: v.optional(v.record(word, v.pipe(v.array(word), v.minLength(1)))),
  portLabel: v.optional(word),
  taskPortNames: v.optional(v.picklist(['off', 'definition', 'number'])),
  zeroPorts: v.optional(v.picklist(['published', 'left-out'])),
  haproxy: v.optional(
    v.strictObject({
      groups: v.optional(v.pipe(v.array(word), v.minLength(1))),
      strict: v.optional(v.boolean(), false),
    }),
  ),
  aliases: v.optional(
    v.strictObject({
      as: v.optional(v.picklist(['addresses', 'cname'])),
      within: v.optional(v.picklist(['framework', 'zone'])),
      zones: v.optional(v.array(readable(parseName))),
    }),
  ),
};

/** Of a configuration, what rules on tasks hang on. */
export type ShapeConfig = {
  readonly domain: string;
  readonly records: v.InferOutput<v.ObjectSchema<typeof shapeEntries, undefined>> & {
    readonly profile: string;
    readonly labelRules: LabelRules;
    readonly srvWeight: number;
  };
};

/** What a profile sets of these where the configuration does not: `consul` has what mesos-consul does unasked. */
const UNASKED = {
  overrideTaskName: false,
  tags: false,
  taskPortNames: 'off',
  zeroPorts: 'published',
} as const;
const AS_MESOS_CONSUL = {
  overrideTaskName: 'overrideTaskName',
  tags: true,
  taskPortNames: 'definition',
  zeroPorts: 'left-out',
  groupSeparator: '',
} as const;

/** The generator's part of them; undefined where nothing is asked for. */
export function shapeRules({ domain, records }: ShapeConfig): ShapeRules | undefined {
  const unasked: { readonly groupSeparator?: string } & Omit<
    typeof UNASKED | typeof AS_MESOS_CONSUL,
    'groupSeparator'
  > = records.profile === 'consul' ? AS_MESOS_CONSUL : UNASKED;
  const { taskTags = {}, haproxy, aliases } = records;
  const nameLabel = records.overrideTaskName ?? unasked.overrideTaskName;
  const read = (texts: readonly string[] | undefined): readonly NamePattern[] =>
    (texts ?? []).map((text) => parseNamePattern(text));
  const rules: ShapeRules = {
    domain,
    labelRules: records.labelRules,
    srvWeight: records.srvWeight,
    include: read(records.include),
    exclude: read(records.exclude),
    includeFrameworks: read(records.includeFrameworks),
    excludeFrameworks: read(records.excludeFrameworks),
    groups: read(records.groups),
    groupSeparator: records.groupSeparator ?? unasked.groupSeparator,
    nameLabel: nameLabel === false ? undefined : nameLabel,
    ownLabels: records.labels === 'read',
    publish: records.publish ?? 'all',
    tags: records.tags ?? (records.taskTags !== undefined || unasked.tags),
    taskTags: Object.entries(taskTags).map(([text, tags]) => ({ text, tags })),
    portLabel: records.portLabel,
    numberedPorts: records.taskPortNames ?? unasked.taskPortNames,
    zeroPorts: records.zeroPorts ?? unasked.zeroPorts,
    haproxy,
    aliases: {
      as: aliases?.as ?? 'addresses',
      within: aliases?.within ?? 'framework',
      zones: aliasZoneNames(records),
    },
  };
  return asksForAnything(rules) ? rules : undefined;
}

/** The zones beside the cluster's that aliases may be in, lower case. */
export function aliasZoneNames({ aliases }: ShapeConfig['records']): readonly string[] {
  return (aliases?.zones ?? []).map((zone) => parseName(zone));
}

/** What does not go together; undefined where all does. */
export function shapeProblem({ domain, records }: ShapeConfig): string | undefined {
  const { aliases, labels, haproxy } = records;
  if (aliases && labels !== 'read' && !haproxy)
    return 'records.aliases is of no use unless records.labels is "read", or records.haproxy is there';
  const isWithin = (name: string, zone: string): boolean => name === zone || name.endsWith(`.${zone}`);
  const zones = aliasZoneNames(records);
  const clash = zones.find((zone) => isWithin(zone, domain) || isWithin(domain, zone));
  if (clash !== undefined)
    return `records.aliases.zones: ${clash} is in the domain ${domain}, or above it: aliases in the domain need no zone`;
  const twice = zones.find((zone, i) => zones.some((other, j) => i !== j && isWithin(zone, other)));
  return twice === undefined ? undefined : `records.aliases.zones: ${twice} is in another one of them`;
}

function asksForAnything(rules: ShapeRules): boolean {
  const { include, exclude, includeFrameworks, excludeFrameworks, groups } = rules;
  return (
    [include, exclude, includeFrameworks, excludeFrameworks, groups].some((list) => list.length > 0) ||
    rules.groupSeparator !== undefined ||
    rules.nameLabel !== undefined ||
    rules.ownLabels ||
    rules.publish === 'labelled' ||
    rules.tags ||
    rules.portLabel !== undefined ||
    rules.numberedPorts !== 'off' ||
    rules.zeroPorts === 'left-out' ||
    rules.haproxy !== undefined
  );
}
