import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode, type DecodedPacket } from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalAddress } from '../../zone/address.ts';
import { recordSettings, recordTtl, zoneOf, zoneSettings } from '../../sync-agent/record-settings.ts';
import { mergeConfig, parseConfig } from '../../sync-agent/config.ts';
import { createHttp, type Http } from '../../sync-agent/http.ts';
import { type KeyPair, loadOrMakeSigningKey } from '../../sync-agent/keys.ts';
import { type LocalEdge, startLocalEdge } from '../../sync-agent/local/miniflare.ts';
import { fromMesosDnsConfig } from '../../sync-agent/mesos-dns-config.ts';
import { createPublisher } from '../../sync-agent/publish/publisher.ts';
import { generateRecords } from '../../sync-agent/records/generate.ts';
import { toZoneContent } from '../../sync-agent/records/rrsets.ts';
import { createCloudflareKvSink } from '../../sync-agent/sinks/cloudflare-kv.ts';
import { readStateDocument } from '../../sync-agent/sources/state-document.ts';
import { goldenCases, type GoldenCase, type GoldenQuery, type GoldenRecord } from '../golden.ts';
import { encodeQuestion, typeNumber } from '../message.ts';

/**
 * Every question of the golden vectors, asked over DoH of the built Worker in workerd, whose snapshot went
 * through the KV API. Answers without a quirk equal mesos-dns's; those with one are what the RFCs say.
 */
const never = new AbortController().signal;
/** Questions under way at a time. */
const AT_ONCE = 8;
const cases = goldenCases().filter(({ queries }) => queries.length > 0);
/** One Worker a zone: what lies outside it has to be refused. */
const edges = new Map<string, LocalEdge>();
let http: Http;
let signingKey: KeyPair;
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mesos-doh-golden-'));
  signingKey = await loadOrMakeSigningKey(join(dataDir, 'signing.pem'));
  http = createHttp();
});
afterAll(async () => {
  await Promise.all([...edges.values()].map((edge) => edge.close()));
  await http.close();
  await rm(dataDir, { recursive: true });
});

async function edgeFor(zone: string): Promise<LocalEdge> {
  const running = edges.get(zone);
  if (running) return running;
  const vars = {
    ZONES: zone,
    ACCESS: 'open',
    UPSTREAMS: '',
    VERIFY_KEYS: signingKey.publicKeyBase64,
    HEAD_REFRESH_SECONDS: '0.001',
    HEAD_MAX_AGE_SECONDS: '0.001',
  };
  const edge = await startLocalEdge({ port: 0, dataDir: join(dataDir, zone), vars });
  edges.set(zone, edge);
  return edge;
}

describe('the answers mesos-dns gave', () => {
  it.each(cases)('$id: $note', async (golden) => {
    const edge = await edgeFor(String(golden.config['domain']).toLowerCase());
    await publish(golden, edge);
    const queue = golden.queries.values();
    const asker = async (): Promise<void> => {
      for (const query of queue) check(golden, query, await ask(edge, query));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, asker));
  });
});

function check(golden: GoldenCase, query: GoldenQuery, reply: DecodedPacket): void {
  const asked = `${query.name} ${query.type} ${JSON.stringify(query.ask ?? {})} ${(query.quirks ?? []).join()}`;
  if (query.quirks) expectRfcBehaviour(golden, { query, reply, asked });
  else expectSame(query, reply, asked);
}

async function publish(golden: GoldenCase, edge: LocalEdge): Promise<void> {
  const theirs = fromMesosDnsConfig(golden.config, golden.id);
  const listener = theirs.listensOnAllAddresses
    ? { records: { nameServerAddresses: golden.localAddresses } }
    : {};
  const config = parseConfig(mergeConfig(theirs.config, listener), golden.id);
  const chunks = (async function* () {
    yield Buffer.from(JSON.stringify(golden.state));
  })();
  const { state } = await readStateDocument(chunks, () => undefined);
  const records = generateRecords(state, recordSettings(config), {
    addressesOfHost: (host) => golden.hosts[host] ?? [],
    report: () => undefined,
  });
  const zone = zoneOf(config);
  const publisher = createPublisher({
    sink: createCloudflareKvSink({ ...edge.kv, http }),
    zone,
    settings: zoneSettings(config),
    key: signingKey,
    livenessSeconds: 300,
    now: Date.now,
    monotonicMs: () => performance.now(),
    writerId: new Uint8Array(16),
    randomOctets: (length) => crypto.getRandomValues(new Uint8Array(length)),
  });
  const rrsets = {
    origin: zone.origin,
    ttl: recordTtl(config),
    srvWeight: config.records.srvWeight,
    sources: 1,
  };
  const content = toZoneContent(records, rrsets, () => undefined);
  const wanted = { kind: 'content', content, changed: 'all' } as const;
  const { serial } = await publisher.publish({ wanted, confirmedAtMs: Date.now() }, never);
  await expect.poll(async () => await soaSerial(edge, zone.origin), { timeout: 5000 }).toBe(serial);
}

async function soaSerial(edge: LocalEdge, origin: string): Promise<number> {
  const response = await fetch(
    `${edge.url}/dns-query?dns=${Buffer.from(encodeQuestion({ name: origin, type: 6 })).toString('base64url')}`,
  );
  return Number.parseInt(response.headers.get('snapshot') ?? '0', 10);
}

async function ask(edge: LocalEdge, { name, type, ask: how = {} }: GoldenQuery): Promise<DecodedPacket> {
  const body = encodeQuestion({ name, type: typeNumber(type), ...how });
  const response = await fetch(`${edge.url}/dns-query`, {
    method: 'POST',
    headers: { 'content-type': 'application/dns-message' },
    body: Buffer.from(body),
  });
  expect(response.status).toBe(200);
  const octets = Buffer.from(await response.arrayBuffer());
  expect(octets.subarray(0, 2)).toEqual(Buffer.from(body.subarray(0, 2)));
  return decode(octets);
}

type Compared = {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly data: unknown;
};

function expectSame(query: GoldenQuery, reply: DecodedPacket, asked: string): void {
  expect(flagsOf(reply), asked).toEqual({
    rcode: query.rcode,
    aa: query.aa,
    ra: query.ra,
    rd: query.rd,
    tc: false,
  });
  const answers = (reply.answers ?? []).map((answer) => comparable(answer));
  expect(sorted(answers), asked).toEqual(sorted(query.answers.map((answer) => reference(answer))));
  // The SOA stands at the apex instead of at the name asked for (RFC 2308 §3).
  const withoutOwner = ({ type, ttl, data }: Compared): unknown => ({ type, ttl, data });
  const authorities = (reply.authorities ?? []).map((record) => comparable(record));
  expect(sorted(authorities).map(withoutOwner), asked).toEqual(
    sorted(query.authority.map(reference)).map(withoutOwner),
  );
  const additional = (reply.additionals ?? [])
    .filter(({ type }) => type !== 'OPT')
    .map((record) => comparable(record));
  for (const { name, type, ttl, oneOf = [] } of query.additional) {
    const given = additional.filter((record) => record.name === lower(name) && record.type === type);
    expect(given.map(({ data }) => data).toSorted(), asked).toEqual([...oneOf].toSorted());
    for (const record of given) expect(record.ttl, asked).toBe(ttl);
  }
  expect(new Set(additional.map(({ name, type }) => `${name} ${type}`)).size, asked).toBe(
    query.additional.length,
  );
}

/**
 * What the RFCs say instead of a habit: a name exists if it, or one below it, is in the record set (RFC 8020);
 * SOA and NS answer at the apex alone; what has no answer has the SOA as authority (RFC 2308).
 */
function expectRfcBehaviour(
  golden: GoldenCase,
  { query, reply, asked }: { query: GoldenQuery; reply: DecodedPacket; asked: string },
): void {
  const quirks = new Set(query.quirks);
  const { rcode, tc, aa } = flagsOf(reply);
  const answers = (reply.answers ?? []).map((answer) => comparable(answer));
  if (quirks.has('class-ignored') || quirks.has('opcode-ignored')) {
    expect({ rcode, answers, aa }, asked).toEqual({
      rcode: quirks.has('class-ignored') ? 'REFUSED' : 'NOTIMP',
      answers: [],
      aa: false,
    });
    return;
  }
  const name = query.name.toLowerCase();
  const apex = `${String(golden.config['domain']).toLowerCase()}.`;
  const owners = ['A', 'AAAA', 'SRV'].flatMap((type) => Object.keys(golden.records?.[type as 'A'] ?? {}));
  const exists = name === apex || owners.some((owner) => owner === name || owner.endsWith(`.${name}`));
  expect({ rcode, aa, tc }, asked).toEqual({ rcode: exists ? 'NOERROR' : 'NXDOMAIN', aa: true, tc: false });
  const ofApex =
    name === apex ? ['NS', 'SOA'].filter((type) => query.type === type || query.type === 'ANY') : [];
  const ofRecords = ['A', 'AAAA', 'SRV'].filter((type) => query.type === type || query.type === 'ANY');
  const data = answers
    .filter(({ type }) => type !== 'SOA' && type !== 'NS')
    .map((answer) => JSON.stringify(answer.data));
  expect(
    answers
      .map(({ type }) => type)
      .filter((type) => type === 'SOA' || type === 'NS')
      .toSorted(),
    asked,
  ).toEqual(ofApex);
  expect(data.toSorted(), asked).toEqual(
    ofRecords.flatMap((type) => carriable(golden, type, name)).toSorted(),
  );
  if (answers.length === 0) {
    expect(
      reply.authorities?.map(({ type, name: owner }) => `${type} ${lower(owner)}.`),
      asked,
    ).toEqual([`SOA ${apex}`]);
  }
}

/** The values of a name that an answer can carry: canonical addresses, SRV with a 16-bit port and a target that is a name. */
function carriable(golden: GoldenCase, type: string, name: string): string[] {
  const values = golden.records?.[type as 'A'][name] ?? [];
  if (type !== 'SRV') return values.map((address) => JSON.stringify(canonicalAddress(address)));
  return values.flatMap((value) => {
    const [, target = '', port = ''] = /^(.*)\.:(\d*)$/.exec(value) ?? [];
    const fits =
      target.length < 254 && target.split('.').every((label) => label.length > 0 && label.length < 64);
    if (!fits || target.includes(':') || port === '' || Number(port) > 65535) return [];
    return [JSON.stringify([0, golden.config['srvRecordDefaultWeight'], Number(port), lower(target)])];
  });
}

function flagsOf(reply: DecodedPacket): {
  rcode: string;
  aa: boolean;
  ra: boolean;
  rd: boolean;
  tc: boolean;
} {
  const { flag_aa: aa, flag_ra: ra, flag_rd: rd, flag_tc: tc } = reply;
  return { rcode: 'rcode' in reply ? String(reply.rcode) : '', aa, ra, rd, tc };
}

function comparable(record: NonNullable<DecodedPacket['answers']>[number]): Compared {
  const ttl = 'ttl' in record ? (record.ttl ?? 0) : 0;
  const data: unknown = 'data' in record ? record.data : undefined;
  return { name: lower(record.name), type: record.type, ttl, data: plain(record.type, data) };
}

/** A reference record in the same form. */
function reference({ name, type, ttl, data }: GoldenRecord): Compared {
  return { name: lower(name), type, ttl, data: plain(type, data) };
}

function plain(type: string, data: unknown): unknown {
  if (typeof data !== 'object' || data === null)
    return typeof data === 'string' && type === 'NS' ? lower(data) : data;
  const fields = new Map<string, unknown>(Object.entries(data));
  const text = (name: string): string => lower(String(fields.get(name)));
  const number = (name: string): unknown => fields.get(name);
  if (type === 'SRV') return [number('priority'), number('weight'), number('port'), text('target')];
  if (type !== 'SOA') return data;
  const timers = ['refresh', 'retry', 'expire', 'minimum'].map((name) => number(name));
  return [text('mname'), text('rname'), ...timers];
}

function lower(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function key({ type, data }: Compared): string {
  return `${type} ${JSON.stringify(data)}`;
}

function sorted(records: readonly Compared[]): Compared[] {
  return records.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}
