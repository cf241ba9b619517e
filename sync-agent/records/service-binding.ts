import type { MesosTask, ReportSkipped } from '../cluster.ts';
import type { RecordSink } from './record-set.ts';
import type { FurtherRecords } from './further.ts';
import type { ServedPort } from './task-ports.ts';

/**
 * Protocols behind TLS by a port's name, `https` or `https-admin`. An HTTPS record means TLS (RFC 9460 §9.5): `http`,
 * `h2c` and `grpc` give none.
 */
const ALPN_BY_NAME: Readonly<Record<string, readonly string[]>> = {
  https: ['h2', 'http/1.1'],
  h2: ['h2'],
  grpcs: ['h2'],
  h3: ['h3'],
};
/** HTTPS clients take it as spoken unless they are told otherwise (RFC 9460 §9.2). */
const DEFAULT_ALPN = 'http/1.1';
/** Clients take the first that they speak. */
const ALPN_ORDER = ['h3', 'h2', DEFAULT_ALPN];
const MAX_PROTOCOLS = 8;
/** On a discovery port, or with `.<the port's number in order>` behind it on the task. */
const ALPN_LABEL = 'mesos-doh.alpn';
const SVCB_LABEL = 'mesos-doh.svcb';
const SCHEME = /^[a-z][a-z0-9-]{0,61}$/;

export type BindingNames = {
  /** Whose records they are: `web.marathon.mesos.`, and the task's own names where it and its agent are reached. */
  readonly shared: string;
  readonly instance: string;
  readonly instanceOnAgent: string;
};

/** What a port is called by, and what is spoken there. */
export type BoundPort = {
  readonly port: ServedPort;
  readonly type: 'HTTPS' | 'SVCB';
  readonly scheme: string;
  readonly alpn: readonly string[];
};

/**
 * A task's HTTPS and SVCB records (RFC 9460): at its names where exactly one port serves them, and at
 * `_<port>._https.<name>`, as browsers ask for a port that is not 443. Instances of one task answer to one name, so a
 * record leads to that name where all of them have the same port, and to the instance's own where it has its own.
 */
export function addServiceBindings(into: RecordSink, bound: readonly BoundPort[], names: BindingNames): void {
  for (const [scheme, group] of bySchemeAndPort(bound)) {
    for (const owner of [names.shared, names.instance]) {
      const first = scheme === 'https' ? owner : `_${scheme}.${owner}`;
      for (const { type, port, alpn } of group) {
        const target = targetOf(port, owner, names);
        const to = (at: string): string => (target === at ? '.' : target);
        const params = paramsOf(alpn, type);
        const withPort = [...params, `port=${port.number}`].join(' ');
        // The port in front is what they answer for: without another one it is that (RFC 9460 §9.1).
        const prefixed = type === 'HTTPS' ? params.join(' ') : withPort;
        const at = `_${port.number}._${scheme}.${owner}`;
        into.add('MORE', at, `${type} 1 ${to(at)} ${prefixed}`, 'service-binding');
        if (group.length === 1)
          into.add('MORE', first, `${type} 1 ${to(first)} ${withPort}`, 'service-binding');
      }
    }
  }
}

/** Ports that labels or their names make a service, one a number. A label that can't be used is reported. */
export function boundPorts(
  task: MesosTask,
  ports: readonly ServedPort[],
  { from, report }: { from: FurtherRecords['serviceBindings']; report: ReportSkipped },
): readonly BoundPort[] {
  const bound: BoundPort[] = [];
  for (const port of from === 'none' ? [] : ports) {
    const labelled = (key: string): string | undefined =>
      port.labels?.[key] ?? task.labels?.[`${key}.${port.index}`];
    const wrong = (key: string, what: string): void =>
      report({
        reason: 'task-label',
        detail: `task ${task.id}: label ${key} of port ${port.number} ${what}`,
      });
    const scheme = labelled(SVCB_LABEL);
    const told = labelled(ALPN_LABEL);
    const alpn = told === undefined ? undefined : parseAlpn(told);
    if (told !== undefined && !alpn)
      wrong(ALPN_LABEL, `is ${JSON.stringify(told)}: should be such as h2,http/1.1, or none`);
    if (scheme !== undefined && SCHEME.test(scheme)) {
      bound.push({ port, type: 'SVCB', scheme, alpn: alpn ?? [] });
      continue;
    }
    const named = from === 'named-ports' ? alpnOfName(port) : [];
    if (scheme !== undefined)
      wrong(SVCB_LABEL, `is ${JSON.stringify(scheme)}: should be a scheme such as mqtt`);
    // The label on protocols was meant for that scheme: it makes no HTTPS of what is none by its name.
    const isNone = scheme !== undefined && named.length === 0;
    const spoken = isNone ? [] : (alpn ?? named);
    if (spoken.length > 0) bound.push({ port, type: 'HTTPS', scheme: 'https', alpn: spoken });
  }
  return bound;
}

/** Ports of one number are one: HTTP/3 beside HTTP/2. */
function bySchemeAndPort(bound: readonly BoundPort[]): ReadonlyMap<string, readonly BoundPort[]> {
  const byScheme = new Map<string, Map<number, BoundPort>>();
  for (const each of bound) {
    const ports = byScheme.get(each.scheme) ?? new Map<number, BoundPort>();
    byScheme.set(each.scheme, ports);
    const same = ports.get(each.port.number);
    const alpn = same ? [...new Set([...same.alpn, ...each.alpn])] : each.alpn;
    ports.set(each.port.number, { ...each, alpn: inOrder(alpn) });
  }
  return new Map(Array.from(byScheme, ([scheme, ports]) => [scheme, [...ports.values()]]));
}

function targetOf(port: ServedPort, owner: string, names: BindingNames): string {
  if (port.onAgent) return names.instanceOnAgent;
  return port.isHostPort || owner === names.instance ? names.instance : names.shared;
}

function paramsOf(alpn: readonly string[], type: BoundPort['type']): string[] {
  if (alpn.length === 0) return [];
  const params = [`alpn=${alpn.join(',')}`];
  // Other schemes have no default.
  if (type === 'HTTPS' && !alpn.includes(DEFAULT_ALPN)) params.push('no-default-alpn');
  return params;
}

function alpnOfName({ name, protocols }: ServedPort): readonly string[] {
  const word = name.split('-', 1)[0] ?? '';
  const protocol = word === 'h3' ? 'udp' : 'tcp';
  return protocols.includes(protocol) && Object.hasOwn(ALPN_BY_NAME, word) ? (ALPN_BY_NAME[word] ?? []) : [];
}

/**
 * Protocol ids (RFC 7301) without what would have to be escaped; none for `none` in any case, undefined for what is
 * neither.
 */
function parseAlpn(text: string): readonly string[] | undefined {
  if (text.trim().toLowerCase() === 'none') return [];
  const ids = text.split(',').map((id) => id.trim());
  const isGood = ids.length <= MAX_PROTOCOLS && ids.every((id) => /^[\w./+-]{1,32}$/.test(id));
  return isGood ? [...new Set(ids)] : undefined;
}

function inOrder(alpn: readonly string[]): readonly string[] {
  const place = (id: string): number => {
    const known = ALPN_ORDER.indexOf(id);
    return known < 0 ? ALPN_ORDER.length : known;
  };
  return alpn.toSorted((one, other) => place(one) - place(other));
}
