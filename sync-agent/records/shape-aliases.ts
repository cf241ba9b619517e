import { haproxyPorts, inGroups } from './shape-haproxy.ts';
import { type LabelReader, quote } from './shape-labels.ts';
import type { ShapeRules } from './shape-settings.ts';

/** A further name of a task, and the label that gives it. */
export type Alias = {
  /** With its final dot; or a label alone, which stands below the framework's names. */
  readonly name: string;
  readonly isLabel: boolean;
  /** It has addresses of its own even where aliases are CNAMEs: it is the top of a zone. */
  readonly isZone: boolean;
  readonly by: string;
};

type Facts = {
  readonly part: string;
  readonly labels: LabelReader;
  /** Those of them that are our own. */
  readonly own: LabelReader;
  readonly rules: ShapeRules;
};

const ALIAS_LABEL = 'mesos-doh.alias';
const MAX_ALIASES = 32;
/** Labels of an alias below its zone: the Worker may look for a wildcard at each (RFC 4592), in another block. */
const MAX_DEPTH = 16;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const NONE: readonly Alias[] = [];

/** Further names by our own label, and by Marathon-LB's vhosts. */
export function readAliases({ part, labels, own, rules }: Facts): readonly Alias[] {
  const aliases = new Map<string, Alias>();
  const add = (label: string, text: string): void => {
    const read = readAlias(text, { part, rules });
    if (typeof read !== 'string' && aliases.size < MAX_ALIASES) {
      if (!aliases.has(read.name)) aliases.set(read.name, { ...read, by: `label ${label}` });
      return;
    }
    if (typeof read !== 'string') labels.refuse(label, `only the first ${MAX_ALIASES} names of a task count`);
    else
      labels.refuse(
        label,
        `${quote(text)} ${read}`,
        read.startsWith('is outside') ? 'alias-outside-zone' : undefined,
      );
  };
  for (const text of own.list(ALIAS_LABEL)) add(ALIAS_LABEL, text);
  const { haproxy } = rules;
  for (const { vhosts, vhostLabel, enabled, groups } of haproxy ? haproxyPorts(labels) : []) {
    if (!(enabled ?? haproxy?.strict !== true)) continue;
    if (haproxy?.groups && !inGroups(groups, haproxy.groups)) continue;
    for (const text of vhosts) add(vhostLabel, text);
  }
  return aliases.size > 0 ? [...aliases.values()] : NONE;
}

/** The name, or why it can be none. */
function readAlias(
  text: string,
  { part, rules: { domain, aliases } }: { readonly part: string; readonly rules: ShapeRules },
): Omit<Alias, 'by'> | string {
  const name = text.toLowerCase().replace(/\.$/, '');
  const labels = name.split('.');
  if (name.length > 253 || !labels.every((label) => LABEL.test(label))) return 'is no host name';
  const isBound = aliases.within === 'framework';
  const own = `${part}.${domain}`;
  const takesOthers = `is below ${own}, where other frameworks' tasks have names (records.aliases.within: "zone" lets it be)`;
  if (labels.length === 1 && !text.endsWith('.') && name !== domain)
    return isBound && isOfAgents(part) ? takesOthers : { name, isLabel: true, isZone: false };
  const isWithin = (zone: string): boolean => name === zone || name.endsWith(`.${zone}`);
  const isTooDeep = (zone: string): boolean => labels.length - zone.split('.').length > MAX_DEPTH;
  if (isWithin(domain)) {
    if (name === domain) return 'is the zone itself';
    if (isTooDeep(domain)) return TOO_DEEP;
    if (isBound && !name.endsWith(`.${own}`))
      return `is not below ${own} (records.aliases.within: "zone" lets it be)`;
    return isBound && isOfAgents(part) ? takesOthers : { name: `${name}.`, isLabel: false, isZone: false };
  }
  const zone = aliases.zones.find((each) => isWithin(each));
  if (zone !== undefined)
    return isTooDeep(zone) ? TOO_DEEP : { name: `${name}.`, isLabel: false, isZone: name === zone };
  return `is outside zone ${domain} (records.aliases.zones may name a zone for it)`;
}

const TOO_DEEP = `has more than ${MAX_DEPTH} labels below its zone`;

/** `<task>.<framework>.slave.<domain>` is a task's name by its agents, whatever its framework is called. */
function isOfAgents(part: string): boolean {
  return part === 'slave' || part.endsWith('.slave');
}
