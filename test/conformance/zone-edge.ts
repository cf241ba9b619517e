import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHttp } from '../../sync-agent/http.ts';
import { loadOrMakeSigningKey } from '../../sync-agent/keys.ts';
import { startLocalEdge } from '../../sync-agent/local/miniflare.ts';
import { createPublisher } from '../../sync-agent/publish/publisher.ts';
import { createCloudflareKvSink } from '../../sync-agent/sinks/cloudflare-kv.ts';
import type { OwnerName } from '../../zone/name.ts';
import type { Exchange, Reply, Sent } from './row.ts';
import { byOwner, rrsetsOf, zoneOf, ZONES } from './zones.ts';

/** The built Worker on a port, with the table's zones published to it through the KV API. */
export type ZoneEdge = {
  readonly exchange: Exchange;
  readonly close: () => Promise<void>;
};

/** No request takes so long. */
const PATIENCE_MS = 10_000;
const SETTINGS = {
  staleAfterSeconds: 900,
  expireAfterSeconds: 604_800,
  recursionAvailable: 'forwarding',
} as const;

export async function startZoneEdge(): Promise<ZoneEdge> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mesos-doh-conformance-'));
  const key = await loadOrMakeSigningKey(join(dataDir, 'signing.pem'));
  const http = createHttp();
  const vars = {
    ZONES: ZONES.join(),
    ACCESS: 'open',
    UPSTREAMS: '',
    VERIFY_KEYS: key.publicKeyBase64,
  };
  const edge = await startLocalEdge({ port: 0, dataDir, vars });
  const sink = createCloudflareKvSink({ ...edge.kv, http });
  for (const origin of ZONES) {
    const publisher = createPublisher({
      ...{ sink, key, settings: SETTINGS, zone: zoneOf(origin), livenessSeconds: 300 },
      now: Date.now,
      monotonicMs: () => performance.now(),
      writerId: new Uint8Array(16),
      randomOctets: (length) => crypto.getRandomValues(new Uint8Array(length)),
    });
    const rrsets = byOwner(rrsetsOf(origin));
    const content = {
      owners: () => rrsets.keys(),
      has: (owner: OwnerName) => rrsets.has(owner),
      rrsetsAt: (owner: OwnerName) => rrsets.get(owner) ?? [],
    };
    const wanted = { kind: 'content', content, changed: 'all' } as const;
    await publisher.publish({ wanted, confirmedAtMs: Date.now() }, new AbortController().signal);
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  return {
    exchange: (sent) => exchangeWith(new URL(edge.url), { agent, sent }),
    close: async () => {
      agent.destroy();
      await edge.close();
      await http.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

/** Sends what is to be sent and no header more than HTTP needs; paths go out as they are. */
function exchangeWith(
  { hostname, port }: URL,
  { agent, sent }: { agent: Agent; sent: Sent },
): Promise<Reply> {
  const { method, path, body, streamed = false } = sent;
  const length = body && !streamed ? { 'content-length': body.length } : {};
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { ...{ hostname, port, agent, method, path }, headers: { ...sent.headers, ...length } },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const header = (name: string): string | undefined => incoming.headersDistinct[name]?.join(', ');
          resolve({ status: incoming.statusCode ?? 0, header, octets: Buffer.concat(chunks), sent });
        });
        incoming.on('error', reject);
      },
    );
    outgoing.setTimeout(PATIENCE_MS, () => outgoing.destroy(new Error(`no reply to ${method} ${path}`)));
    outgoing.on('error', reject);
    if (streamed) outgoing.flushHeaders();
    outgoing.end(body);
  });
}
