import { type Answer, failure, writeAnswer } from './answer.ts';
import type { Counts, Transport } from './metrics.ts';
import { readPacket, udpLimit } from './question.ts';
import type { Resolver } from './resolver.ts';
import type { Query } from '../zone/query.ts';

/** Takes a packet, and calls `send` with its reply or with none: once, now or later. Never throws. */
export type Asker = (
  octets: Uint8Array,
  transport: Transport,
  send: (reply: Uint8Array | undefined) => void,
) => void;

export type AskerOptions = {
  readonly resolver: Resolver;
  readonly counts: Counts;
  /** Hears of each answered question; for logs that someone asked for. */
  readonly onAnswered: ((query: Query, answer: Answer, elapsedMs: number) => void) | undefined;
};

const MOST_OCTETS = 65_535;

export function createAsker({ resolver, counts, onAnswered }: AskerOptions): Asker {
  return (octets, transport, send) => {
    const startedAt = performance.now();
    const packet = readPacket(octets);
    if (packet.kind === 'ignored') {
      counts.query(transport, 'ignored', 0);
      return send(undefined);
    }
    if (packet.kind === 'malformed') {
      counts.query(transport, 'malformed', performance.now() - startedAt);
      return send(packet.reply);
    }
    const { query } = packet;
    const tell = (answer: Answer): void => {
      const limit = transport === 'udp' ? udpLimit(query) : MOST_OCTETS;
      const reply = writeAnswer(query, answer, limit);
      const elapsedMs = performance.now() - startedAt;
      if (isTruncated(reply)) counts.truncated();
      counts.query(transport, answer.outcome, elapsedMs);
      onAnswered?.(query, answer, elapsedMs);
      send(reply);
    };
    const answer = packet.kind === 'answered' ? packet.answer : resolver(query);
    if (!(answer instanceof Promise)) return tell(answer);
    answer.then(tell, () => tell(failure({ code: 0, text: 'the stub failed' })));
  };
}

function isTruncated(reply: Uint8Array): boolean {
  return ((reply[2] ?? 0) & 0x02) !== 0;
}
