import { parseAddress, reverseName } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';
import type { OwnerName } from '../../zone/name.ts';
import { agentDomain } from './agent.ts';
import { type Instance, instanceName, readInstance, sharedName } from './instance.ts';
import { toLabel } from './label.ts';
import { emptyRecords, type RecordSet } from './record-set.ts';
import type { RecordSettings } from './settings.ts';

/** Which names an address leads to that several have: none, the agent's among them, or all. */
export type Ambiguous = (typeof AMBIGUOUS)[number];
export const AMBIGUOUS = ['leave-out', 'agent', 'all'] as const;

export type ReverseOptions = {
  readonly origin: OwnerName;
  readonly ambiguous: Ambiguous;
  readonly settings: Pick<RecordSettings, 'domain' | 'labelRules' | 'nameServer' | 'frameworkAliases'>;
};

/** Labels of a reverse zone in front of its suffix. A whole address is no zone, and neither is all there are. */
const ZONES = [
  { suffix: '.in-addr.arpa', label: /^(?:0|[1-9]\d{0,2})$/, most: 255, base: 10, labels: 3 },
  { suffix: '.ip6.arpa', label: /^[0-9a-f]$/, most: 15, base: 16, labels: 31 },
] as const;

/** Throws `FormatError` for what is no zone of addresses by octets (RFC 1035 §3.5) or nibbles (RFC 3596 §2.5). */
export function parseReverseZone(text: string): string {
  const name = text.toLowerCase().replace(/\.$/, '');
  for (const { suffix, label, most, base, labels } of ZONES) {
    if (!name.endsWith(suffix)) continue;
    const parts = name.slice(0, -suffix.length).split('.');
    const isGood = parts.every((part) => label.test(part) && Number.parseInt(part, base) <= most);
    if (isGood && parts.length <= labels) return name;
  }
  throw new FormatError(
    JSON.stringify(text),
    'should be a reverse zone such as 10.in-addr.arpa or d.f.ip6.arpa',
  );
}

/**
 * PTR records of a reverse zone, from what is published under names of the domain. An address leads to the one name
 * that has it. Names that stand for many hosts (`slave`, `leader`, `master`, what is below `slave`, wildcards) do not
 * count. Of a task it is the shared name that counts: it lives on when an instance is replaced, it is what certificates
 * and rights are written for, and asked for, it gives the address back among its others.
 */
export function reverseRecords(records: RecordSet, options: ReverseOptions): RecordSet {
  const made = emptyRecords();
  for (const [owner, names] of namesByAddress(records, options)) {
    const targets = targetsOf(names, options);
    if (targets.length > 0)
      made.MORE.set(
        owner,
        targets.map((name) => `PTR ${name}`),
      );
  }
  return made;
}

/** Names that count, by the reverse name of their addresses in the zone. */
function namesByAddress(
  { A, AAAA }: RecordSet,
  { origin, settings: { domain, nameServer } }: ReverseOptions,
): ReadonlyMap<string, ReadonlySet<string>> {
  const suffix = `.${origin}.`;
  const found = new Map<string, Set<string>>();
  const owners = new Map<string, string | undefined>();
  const ownerOf = (address: string): string | undefined => {
    if (!owners.has(address)) {
      const octets = parseAddress(address);
      const owner = octets && reverseName(octets);
      owners.set(address, owner?.endsWith(suffix) === true ? owner : undefined);
    }
    return owners.get(address);
  };
  const isCounted = isOneHost(domain, nameServer);
  for (const values of [A, AAAA]) {
    for (const [name, addresses] of values) {
      let counts: boolean | undefined;
      for (const address of addresses) {
        const owner = ownerOf(address);
        if (owner === undefined || !(counts ??= isCounted(name))) continue;
        const names = found.get(owner);
        if (names) names.add(name);
        else found.set(owner, new Set([name]));
      }
    }
  }
  return found;
}

function isOneHost(domain: string, nameServer: string): (name: string) => boolean {
  const suffix = `.${domain}.`;
  const roles = new RegExp(String.raw`^(?:slave|leader|master\d*)$`);
  return (name) => {
    if (!name.endsWith(suffix) || name === nameServer || name.startsWith('*.')) return false;
    const rest = name.slice(0, -suffix.length);
    return !rest.endsWith('.slave') && !roles.test(rest);
  };
}

function targetsOf(
  all: ReadonlySet<string>,
  { ambiguous, settings }: Pick<ReverseOptions, 'ambiguous' | 'settings'>,
): readonly string[] {
  const names = withoutOtherNames(all, settings);
  if (names.length <= 1 || ambiguous === 'all') return names.toSorted();
  const ofAgents = `.${agentDomain(settings.domain)}`;
  const agents = ambiguous === 'agent' ? names.filter((name) => name.endsWith(ofAgents)) : [];
  return agents.length === 1 ? agents : [];
}

/**
 * One name for each thing: a task's instances are its shared name, which has the address too; a discovery name as it
 * stands and an alias of a framework are the label and the framework; a ServerSet's member is its set.
 */
function withoutOtherNames(
  all: ReadonlySet<string>,
  { domain, labelRules, frameworkAliases }: ReverseOptions['settings'],
): readonly string[] {
  const others = new Set<string>();
  const mainPart = new Map<string, string>();
  for (const [part, aliases] of frameworkAliases ?? [])
    for (const alias of aliases) mainPart.set(alias, part);
  const has = (instance: Instance): boolean => all.has(instanceName(instance, { domain, onAgent: false }));
  for (const name of all) {
    if (/^(?:\d+|member-\d+)\./.test(name) && all.has(name.slice(name.indexOf('.') + 1))) others.add(name);
    const instance = readInstance(name, domain);
    const shared = instance && sharedName(instance, domain);
    if (!instance || shared === undefined || !all.has(shared)) continue;
    others.add(name);
    const label = toLabel(instance.label, labelRules);
    if (label !== instance.label && has({ ...instance, label })) others.add(shared);
    const framework = mainPart.get(instance.framework);
    if (framework !== undefined && has({ ...instance, framework })) others.add(shared);
  }
  return [...all].filter((name) => !others.has(name));
}
