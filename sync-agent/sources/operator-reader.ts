import { FormatError } from '../../zone/format-error.ts';
import type { ReportSkipped } from '../cluster.ts';
import {
  type Applied,
  type ClusterTables,
  createClusterTables,
  type TableSnapshot,
  type TablesFork,
} from './cluster-tables.ts';
import { asObject, type JsonObject, objectField, textField } from './fields.ts';
import { createJsonCutter, type CutRule, type JsonCutter, type JsonPath } from './json-cutter.ts';
import { createRecordReader, type RecordSink } from './record-io.ts';
import { SNAPSHOT_PARTS, type SnapshotPart } from './snapshot-taker.ts';

/** Reads the octets of one subscription into tables. */
export type OperatorReader = {
  /**
   * Takes the next octets. Throws `FormatError` where they are no RecordIO of events: then the reader is of no use
   * any more, and the tables are as the last whole event left them.
   */
  readonly write: (chunk: Uint8Array) => void;
  /** At the connection's end. Throws `FormatError` if that is within a record. */
  readonly end: () => void;
};

/** An event that was applied to the tables. */
export type OperatorEvent = {
  /** As the master calls it: `TASK_UPDATED`. */
  readonly type: string;
  readonly effect: Applied;
  /** Only SUBSCRIBED says it, from Mesos 1.5. */
  readonly heartbeatSeconds?: number;
  /**
   * A task's agent was given up. Masters send no AGENT_REMOVED for agents that are unreachable or gone
   * (`src/master/master.cpp`, `__removeSlave`): GET_AGENTS tells.
   */
  readonly isAgentLost?: true;
};

export type OperatorReaderOptions = {
  /** May be those of the subscription before: until SUBSCRIBED is read whole, they stay as they are. */
  readonly tables: ClusterTables;
  readonly report: ReportSkipped;
  readonly onEvent: (event: OperatorEvent) => void;
  /** Events up to this length are parsed at once; longer ones are cut up as they arrive, a SUBSCRIBED mostly. */
  readonly wholeOctets?: number;
  /** Of one task, agent or framework, and of an event but these. A master's own are some hundred octets to 64 KiB. */
  readonly maxElementOctets?: number;
};

const WHOLE_OCTETS = 64 * 1024;
const MAX_ELEMENT_OCTETS = 16 * 1024 * 1024;
/** A state of a hundred thousand tasks has about 100 MB. */
const MAX_RECORD_OCTETS = 8 * 1024 * 1024 * 1024;

export function createOperatorReader(options: OperatorReaderOptions): OperatorReader {
  const { tables, report, onEvent, wholeOctets = WHOLE_OCTETS, maxElementOctets: maxOctets } = options;
  const applied = (event: unknown, effect: Applied): void => onEvent({ ...describe(event), effect });

  const whole = (): RecordSink => {
    let parts: Uint8Array[] = [];
    return {
      write: (octets) => void parts.push(octets),
      end: () => {
        const event = parseEvent(parts);
        parts = [];
        applied(event, tables.apply(event, report));
      },
    };
  };
  const inParts = (): RecordSink => {
    const { cutter, snapshot } = cutState(['subscribed', 'get_state'], tables, { report, maxOctets });
    return {
      write: (octets) => cutter.write(octets),
      end: () => {
        const event = asObject(cutter.end(), 'event');
        if (event['type'] !== 'SUBSCRIBED') {
          applied(event, tables.apply(event, report));
          return;
        }
        snapshot.finish(objectField(event, 'subscribed')['get_state']);
        applied(event, 'subscribed');
      },
    };
  };
  return createRecordReader({
    open: (length) => (length <= wholeOctets ? whole() : inParts()),
    maxOctets: MAX_RECORD_OCTETS,
  });
}

/**
 * A GET_STATE response as tables of its own. Elements that `like` has too are the same objects, and what the state
 * does not say (schedulers' endpoints, the leader, what ended before) goes on from there. Throws `FormatError` for
 * what is no such response.
 */
export async function readGetState(
  chunks: AsyncIterable<Uint8Array>,
  report: ReportSkipped,
  like: ClusterTables = createClusterTables(),
): Promise<TablesFork> {
  const { cutter, snapshot } = cutState(['get_state'], like, { report });
  for await (const chunk of chunks) cutter.write(chunk);
  return snapshot.fork(asObject(cutter.end(), 'GET_STATE response')['get_state']);
}

/** Takes the elements of the state at `prefix` as they arrive, and passes over what makes no records. */
function cutState(
  prefix: JsonPath,
  tables: ClusterTables,
  {
    report,
    maxOctets = MAX_ELEMENT_OCTETS,
  }: { readonly report: ReportSkipped; readonly maxOctets?: number | undefined },
): { readonly cutter: JsonCutter; readonly snapshot: TableSnapshot } {
  const snapshot = tables.beginSnapshot(report);
  const ruleAt: CutRule = (path) => {
    const depth = path.length - prefix.length;
    if (depth < 1 || depth > 2 || prefix.some((key, i) => path[i] !== key)) return ruleOfEvent(path);
    const parts = partsOf(path[prefix.length]);
    if (!parts) return 'skip';
    if (depth === 1) return undefined;
    return parts.some((part) => part === path.at(-1)) ? 'each' : 'skip';
  };
  const onElement = (path: JsonPath, element: unknown): void => {
    const part = partsOf(path[prefix.length])?.find((part) => part === path[prefix.length + 1]);
    if (part) snapshot.take(part, element);
  };
  return { cutter: createJsonCutter(ruleAt, onElement, { maxOctets }), snapshot };
}

/** What an executor sends along may be large. */
function ruleOfEvent(path: JsonPath): 'skip' | undefined {
  return path.length === 3 && path[1] === 'status' && path[2] === 'data' ? 'skip' : undefined;
}

function partsOf(member: string | number | undefined): readonly SnapshotPart[] | undefined {
  return member === 'get_agents' || member === 'get_frameworks' || member === 'get_tasks'
    ? SNAPSHOT_PARTS[member]
    : undefined;
}

function parseEvent(parts: readonly Uint8Array[]): unknown {
  const [only] = parts;
  const octets = only && parts.length === 1 ? only : Buffer.concat(parts);
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError('event', `is not JSON (${cause instanceof Error ? cause.message : ''})`);
  }
}

function describe(json: unknown): Omit<OperatorEvent, 'effect'> {
  const event = json as JsonObject;
  const type = textField(event, 'type');
  if (type === 'SUBSCRIBED') {
    const seconds = objectField(event, 'subscribed')['heartbeat_interval_seconds'];
    return { type, ...(typeof seconds === 'number' && { heartbeatSeconds: seconds }) };
  }
  return { type, ...(type === 'TASK_UPDATED' && isAgentLost(event) && { isAgentLost: true }) };
}

function isAgentLost({ task_updated: body }: JsonObject): boolean {
  const reason = reasonIn(body);
  return typeof reason === 'string' && /^REASON_(?:AGENT|SLAVE)_REMOVED/.test(reason);
}

function reasonIn(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('status' in body)) return undefined;
  const { status } = body;
  return typeof status === 'object' && status !== null && 'reason' in status ? status.reason : undefined;
}
