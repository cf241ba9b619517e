import { FormatError } from '../../zone/format-error.ts';
import { asObject, kindOf, textField } from './fields.ts';

/** What an instance announces: its primary port, 0 where it has none, and all ports by their names. */
export type ResolvedPorts = {
  readonly primary: number;
  readonly byAlias: ReadonlyMap<string, number>;
};

/** Of Aurora's schema (`config/schema/base.py`, Announcer), where an announcer says nothing. */
const USUAL_PRIMARY = 'http';
const USUAL_PORTMAP = { aurora: '{{primary_port}}' };
const PRIMARY_REFERENCE = /\{\{\s*primary_port\s*\}\}/g;

/**
 * An instance's ports as its executor would announce them (aurora `executor/common/task_info.py`,
 * `config/port_resolver.py`): the job's `announce.portmap`, over it the ports it was assigned, aliases followed to a
 * number, what stays a text dropped. `data` is the executor's configuration, undefined where it has none. Throws
 * `FormatError` for one that an executor refuses: no JSON, a port that is none, aliases in a circle.
 */
export function resolvePorts(
  data: string | undefined,
  assigned: Readonly<Record<string, number>>,
): ResolvedPorts {
  const { primaryPort, portmap } = readAnnouncer(data);
  const ports = new Map<string, number | string>();
  for (const [alias, port] of Object.entries(portmap)) {
    if (typeof port !== 'string' && !Number.isInteger(port))
      throw new FormatError(`portmap ${alias}`, `is ${kindOf(port)} instead of a number or a name`);
    ports.set(alias, wholeNumber(String(port).replaceAll(PRIMARY_REFERENCE, primaryPort)));
  }
  for (const [name, port] of Object.entries(assigned)) ports.set(name, port);
  const byAlias = new Map<string, number>();
  for (const alias of [...ports.keys()].toSorted()) {
    const port = follow(alias, ports);
    if (typeof port !== 'number') continue;
    if (port < 0 || port > 65535) throw new FormatError(`port ${alias}`, `is ${port}, which is none`);
    byAlias.set(alias, port);
  }
  return { primary: byAlias.get(primaryPort) ?? 0, byAlias };
}

function readAnnouncer(data: string | undefined): {
  readonly primaryPort: string;
  readonly portmap: Readonly<Record<string, unknown>>;
} {
  const none = { primaryPort: USUAL_PRIMARY, portmap: {} };
  if (data === undefined || data === '') return none;
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    throw new FormatError('executorConfig.data', 'is not valid JSON');
  }
  const { announce } = asObject(json, 'executorConfig.data');
  if (announce === undefined || announce === null) return none;
  const announcer = asObject(announce, 'announce');
  const { portmap = USUAL_PORTMAP } = announcer;
  return {
    primaryPort: textField(announcer, 'primary_port') || USUAL_PRIMARY,
    portmap: asObject(portmap, 'announce.portmap'),
  };
}

/** As Python's `int` reads it. */
function wholeNumber(text: string): number | string {
  return /^\s*[+-]?\d{1,15}\s*$/.test(text) ? Number(text) : text;
}

function follow(alias: string, ports: ReadonlyMap<string, number | string>): number | string {
  const visited = new Set<string>();
  let at: number | string = alias;
  while (typeof at === 'string') {
    const next = ports.get(at);
    if (next === undefined) return at;
    if (visited.has(at)) throw new FormatError(`port ${alias}`, 'is an alias of itself, in a circle');
    visited.add(at);
    at = next;
  }
  return at;
}
