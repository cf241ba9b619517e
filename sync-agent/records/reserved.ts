import type { ReportSkipped } from '../cluster.ts';
import { agentDomain } from './agent.ts';
import type { RecordSink } from './record-set.ts';
import type { RecordSettings } from './settings.ts';

const FRAMEWORK_SERVICE = '_framework._tcp.';

/**
 * Keeps frameworks and tasks out of the cluster's own names: whoever may register a framework called `leader`
 * would otherwise add its host to `leader.<domain>`. `ownerOf` names the element at work, for the report, which says each
 * once an owner and name.
 */
export function keepReservedApart(
  into: RecordSink,
  settings: RecordSettings,
  { ownerOf, report }: { ownerOf: () => string; report: ReportSkipped },
): RecordSink {
  const isReserved = refusedBy(settings);
  if (!isReserved) return into;
  const reported = new Set<string>();
  const refuses = (name: string): boolean => {
    if (!isReserved(name)) return false;
    const detail = `${ownerOf()} would add itself to ${name}`;
    if (!reported.has(detail)) report({ reason: 'reserved-name', detail });
    reported.add(detail);
    return true;
  };
  return {
    add: (type, name, value) => {
      // A framework's SRV value would send its clients to the cluster's own host of that name.
      const owner = name.startsWith(FRAMEWORK_SERVICE) ? name.slice(FRAMEWORK_SERVICE.length) : name;
      if (!refuses(owner)) into.add(type, name, value);
    },
    addAddress: (name, address) => {
      if (!refuses(name)) into.addAddress(name, address);
    },
    at: (name) => {
      if (!isReserved(name)) return into.at(name);
      return { add: () => void refuses(name), addAddress: () => void refuses(name) };
    },
  };
}

/**
 * Names that frameworks and tasks may not add themselves to: the cluster's own; where these may be `mixed`, and the
 * operator has wildcards, those alone. Undefined where they may have any.
 */
export function refusedBy(settings: RecordSettings): ((name: string) => boolean) | undefined {
  if (settings.reservedNames !== 'mixed') return reservedBy(settings);
  return settings.staticWildcards ? isWildcard : undefined;
}

/**
 * Tells whether a name (with its final dot) is the cluster's own: `leader`, `master`, `masterN`, `slave`, the name
 * server's, where agents have names those, and wildcards, which answer for others (RFC 4592).
 */
export function reservedBy({
  domain,
  nameServer,
  further,
}: Pick<RecordSettings, 'domain' | 'nameServer' | 'further'>): (name: string) => boolean {
  const suffix = `.${domain}.`;
  const server = nameServer.toLowerCase();
  const ofAgents = further?.agentNames === true ? `.${agentDomain(domain)}` : undefined;
  return (name) =>
    name === server ||
    isWildcard(name) ||
    (ofAgents !== undefined && name.endsWith(ofAgents)) ||
    (name.indexOf('.') === name.length - suffix.length && /^(?:leader|master\d*|slave)\./.test(name));
}

function isWildcard(name: string): boolean {
  return name.startsWith('*.');
}
