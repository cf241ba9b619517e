import type { LabelRules } from './label.ts';
import type { NamePattern } from './name-pattern.ts';

/** What labels and rules may make of tasks. Defaults and config names: `config-shape.ts`. */
export type ShapeRules = {
  readonly domain: string;
  readonly labelRules: LabelRules;
  /** Of SRV records that no label says anything else of. */
  readonly srvWeight: number;
  /** Any of `include`, if there is one, and none of `exclude`: found in the task's label, or the framework's part. */
  readonly include: readonly NamePattern[];
  readonly exclude: readonly NamePattern[];
  readonly includeFrameworks: readonly NamePattern[];
  readonly excludeFrameworks: readonly NamePattern[];
  /** The first group of the first that matches the name as it stands becomes the name. */
  readonly groups: readonly NamePattern[];
  /** What stands for `_` in names, as with mesos-consul, where any other character becomes a dash; undefined: labels as mesos-dns makes them. */
  readonly groupSeparator?: string | undefined;
  /** The label whose value is the task's name. */
  readonly nameLabel?: string | undefined;
  /** Are labels `mesos-doh.…` read? */
  readonly ownLabels: boolean;
  /** `labelled`: only tasks that a label publishes. */
  readonly publish: 'all' | 'labelled';
  readonly tags: boolean;
  /** Tags of the tasks in whose name the text is. */
  readonly taskTags: readonly { readonly text: string; readonly tags: readonly string[] }[];
  /** The label that lists the ports to publish, by index. */
  readonly portLabel?: string | undefined;
  /** `<task>-port1` and so on, in the order of definition or of numbers. */
  readonly numberedPorts: 'off' | 'definition' | 'number';
  /** Are discovery ports with the number 0 published? */
  readonly zeroPorts: 'published' | 'left-out';
  /** Marathon-LB's labels; undefined: not read. */
  readonly haproxy?: HaproxyRules | undefined;
  readonly aliases: AliasRules;
};

export type HaproxyRules = {
  /** Whose vhosts are names: those of these groups; `*`, or undefined, for all. */
  readonly groups?: readonly string[] | undefined;
  /** Only ports that HAPROXY_n_ENABLED switches on. */
  readonly strict: boolean;
};

export type AliasRules = {
  /** A copy of the task's addresses, or a CNAME to the name it shares. */
  readonly as: 'addresses' | 'cname';
  /** How far from its own names a task may have others: below its framework's, or anywhere in the zone. */
  readonly within: 'framework' | 'zone';
  /** Zones beside the cluster's, lower case: names in them are published too. */
  readonly zones: readonly string[];
};
