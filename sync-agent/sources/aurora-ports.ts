import { FormatError } from '../../zone/format-error.ts';
import { asObject, kindOf, textField } from './fields.ts';

/** What an instance announces: its primary port, 0 where it has none, and all ports by their names. */
export type ResolvedPorts = {
  readonly primary: number;
  readonly byAlias: ReadonlyMap<string, number>;
  /** Does its job announce itself? Then the instance is announced without any port too. */
  readonly isAnnounced: boolean;
  /** For people: what of it can't be used. All the rest is above. */
  readonly faults: readonly string[];
};

/** Of Aurora's schema (`config/schema/base.py`, Announcer), where an announcer says nothing. */
const USUAL_PRIMARY = 'http';
const USUAL_PORTMAP = { aurora: '{{primary_port}}' };
const PRIMARY_REFERENCE = /\{\{\s*primary_port\s*\}\}/g;
const MAX_ALIASES = 1000;

/**
 * An instance's ports as its executor would announce them (aurora `executor/common/task_info.py`,
 * `config/port_resolver.py`): the job's `announce.portmap`, over it the ports it was assigned, aliases followed to a
 * number, what stays a text dropped. `data` is the executor's configuration, undefined where it has none.
 *
 * An executor fails its task where aliases go in a circle or the configuration can't be read. Here the task runs, so
 * each alias stands for itself: one that is wrong is left out and told of.
 */
export function resolvePorts(
  data: string | undefined,
  assigned: Readonly<Record<string, number>>,
): ResolvedPorts {
  const { isAnnounced, primaryPort, portmap, fault } = readAnnouncer(data);
  const faults = fault === undefined ? [] : [fault];
  const ports = new Map<string, number | string>();
  for (const [alias, port] of Object.entries(portmap)) {
    if (Object.hasOwn(assigned, alias)) continue;
    if (typeof port === 'string' || Number.isInteger(port))
      ports.set(alias, wholeNumber(String(port).replaceAll(PRIMARY_REFERENCE, primaryPort)));
    else faults.push(`portmap ${alias} is ${kindOf(port)}, and should be a port or the name of one`);
  }
  for (const [name, port] of Object.entries(assigned)) ports.set(name, port);
  const byAlias = new Map<string, number>();
  for (const alias of [...ports.keys()].toSorted()) {
    const port = follow(alias, ports);
    if (port === 'circle') faults.push(`portmap ${alias} leads in a circle`);
    else if (typeof port !== 'number') {
      // A primary port that was never assigned is usual: it is announced as port 0.
      if (port.unmapped !== primaryPort)
        faults.push(`portmap ${alias} leads to ${JSON.stringify(port.unmapped)}, which is no port of it`);
    } else if (port < 0 || port > 65535) {
      const what = Object.hasOwn(assigned, alias) ? 'assigned port' : 'portmap';
      faults.push(`${what} ${alias} is ${port}, which is no port`);
    } else byAlias.set(alias, port);
  }
  if (byAlias.size === 0 && isAnnounced && faults.length === 0)
    faults.push(`it announces no port: ${JSON.stringify(primaryPort)}, its primary one, was not assigned`);
  return { primary: byAlias.get(primaryPort) ?? 0, byAlias, isAnnounced, faults };
}

type Announcer = Pick<ResolvedPorts, 'isAnnounced'> & {
  readonly primaryPort: string;
  readonly portmap: Readonly<Record<string, unknown>>;
  readonly fault?: string;
};

function readAnnouncer(data: string | undefined): Announcer {
  const none = { isAnnounced: false, primaryPort: USUAL_PRIMARY, portmap: {} };
  if (data === undefined || data === '') return none;
  try {
    const { announce } = asObject(parseJson(data), 'executorConfig.data');
    if (announce === undefined || announce === null) return none;
    const announcer = asObject(announce, 'announce');
    const { portmap = USUAL_PORTMAP } = announcer;
    const primaryPort = textField(announcer, 'primary_port') || USUAL_PRIMARY;
    const map = asObject(portmap, 'announce.portmap');
    if (Object.keys(map).length > MAX_ALIASES)
      throw new FormatError('announce.portmap', `has more than ${MAX_ALIASES} aliases`);
    return { isAnnounced: true, primaryPort, portmap: map };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { ...none, fault: `${error.message}: only the ports it was assigned are used` };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FormatError('executorConfig.data', 'is not valid JSON');
  }
}

/** As Python's `int` reads it. */
function wholeNumber(text: string): number | string {
  return /^\s*[+-]?\d{1,15}\s*$/.test(text) ? Number(text) : text;
}

function follow(
  alias: string,
  ports: ReadonlyMap<string, number | string>,
): number | { readonly unmapped: string } | 'circle' {
  const visited = new Set<string>();
  let at: number | string = alias;
  while (typeof at === 'string') {
    const next = ports.get(at);
    if (next === undefined) return { unmapped: at };
    if (visited.has(at)) return 'circle';
    visited.add(at);
    at = next;
  }
  return at;
}
