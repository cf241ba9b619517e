import { Buffer } from 'node:buffer';
import type { Exchange } from '../conformance/row.ts';
import type { Edge } from './edge.ts';

/** Sends the requests of the conformance table to a Worker's fetch. */
export function exchangeWith(edge: Edge): Exchange {
  return async (sent) => {
    const { method, headers } = sent;
    const body = sent.body && (sent.streamed ? new Blob([Buffer.from(sent.body)]).stream() : sent.body);
    const response = await edge.fetch(sent.path, { method, headers, ...(body && { body }) });
    // What HTTP does for a server: replies to HEAD have no body.
    const octets = new Uint8Array(method === 'HEAD' ? [] : await response.arrayBuffer());
    const header = (name: string): string | undefined => response.headers.get(name) ?? undefined;
    return { status: response.status, header, octets, sent };
  };
}
