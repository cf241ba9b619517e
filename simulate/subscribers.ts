import type { ServerResponse } from 'node:http';
import { HEARTBEAT_RECORD } from './event-records.ts';
import type { Fault, StreamFault } from './fault.ts';
import { JSON_TYPE } from './state-response.ts';

/** Mesos's own default of `--max_operator_event_stream_subscribers`. */
export const DEFAULT_MAX_SUBSCRIBERS = 1_000;
/** A stream with so many octets that nobody reads is given up: a state of the largest clusters fits twice. */
const MAX_UNREAD = 1_073_741_824;

/** Those who listen to the leader's events. */
export type Subscribers = {
  /** Opens a stream with its first record; the oldest one ends where there are too many. */
  readonly add: (response: ServerResponse, options: SubscriptionOptions) => void;
  /** One record to all, or to those who may see tasks and frameworks. */
  readonly send: (record: Buffer, to: 'all' | 'seeing') => void;
  readonly count: () => number;
  /** The open streams stay open and never say anything again; new ones do. */
  readonly silence: () => void;
  /** Closes all connections in the middle of a record. */
  readonly cut: () => void;
  /** Closes all connections, as a master does that stops leading. */
  readonly drop: () => void;
};

type SubscriptionOptions = {
  readonly first: Iterable<string>;
  readonly isBlind: boolean;
  /** What is wrong with this master at the moment. */
  readonly fault: () => Fault | undefined;
};

type Subscriber = {
  readonly response: ServerResponse;
  readonly isBlind: boolean;
  readonly fault: () => Fault | undefined;
  records: number;
  isSilent: boolean;
};

type SubscribersOptions = {
  /** Undefined for releases that don't count. */
  readonly most: number | undefined;
  /** Undefined for releases without heartbeats. */
  readonly heartbeatMs: number | undefined;
};

export function createSubscribers({ most, heartbeatMs }: SubscribersOptions): Subscribers {
  // In the order in which they came.
  const subscribers = new Set<Subscriber>();

  const write = (subscriber: Subscriber, chunks: readonly Buffer[]): void => {
    const { response, fault, records } = subscriber;
    const now = streamFault(fault(), records);
    subscriber.records++;
    if (now?.kind === 'stream-stall') subscriber.isSilent = true;
    if (subscriber.isSilent || response.destroyed) return;
    if (now?.kind === 'stream-cut') {
      cutOff(subscriber, Buffer.concat(chunks));
      return;
    }
    for (const chunk of chunks) response.write(chunk);
    if (response.writableLength > MAX_UNREAD) response.destroy();
  };
  return {
    add: (response, { first, isBlind, fault }) => {
      const oldest = subscribers.values().next().value;
      if (oldest !== undefined && subscribers.size === most) {
        subscribers.delete(oldest);
        oldest.response.end();
      }
      const subscriber: Subscriber = { response, isBlind, fault, records: 0, isSilent: false };
      subscribers.add(subscriber);
      response.writeHead(200, { 'content-type': JSON_TYPE });
      response.flushHeaders();
      // A record's length comes first, so there is no streaming one that is not whole.
      write(subscriber, recordOf(first));
      const beat = () => write(subscriber, [HEARTBEAT_RECORD]);
      let timer: NodeJS.Timeout | undefined;
      if (heartbeatMs !== undefined) {
        beat();
        timer = setInterval(beat, heartbeatMs);
      }
      response.once('close', () => {
        clearInterval(timer);
        subscribers.delete(subscriber);
      });
    },
    send: (record, to) => {
      for (const each of subscribers) if (to === 'all' || !each.isBlind) write(each, [record]);
    },
    count: () => subscribers.size,
    silence: () => {
      for (const each of subscribers) each.isSilent = true;
    },
    cut: () => {
      for (const each of subscribers) cutOff(each, HEARTBEAT_RECORD);
    },
    drop: () => {
      for (const each of subscribers) {
        each.isSilent = true;
        // What was said gets there; the response itself has no end.
        each.response.socket?.destroySoon();
      }
      subscribers.clear();
    },
  };
}

/** Half a record, then the end of the connection. */
function cutOff(subscriber: Subscriber, record: Buffer): void {
  const { response } = subscriber;
  subscriber.isSilent = true;
  // Cut only once the octets are on their way.
  response.write(record.subarray(0, record.length / 2), () => response.destroy());
}

/** Is it time for the stream's fault? */
function streamFault(fault: Fault | undefined, records: number): StreamFault | undefined {
  if (fault?.kind !== 'stream-stall' && fault?.kind !== 'stream-cut') return undefined;
  return records >= (fault.afterRecords ?? 0) ? fault : undefined;
}

function recordOf(pieces: Iterable<string>): Buffer[] {
  const chunks = Array.from(pieces, (piece) => Buffer.from(piece));
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return [Buffer.from(`${length}\n`), ...chunks];
}
