import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseName } from '../../zone/name.ts';
import { parseRdata } from '../../zone/rdata-parse.ts';
import { rdataText } from '../../zone/rdata-text.ts';
import { type RRset, TYPE } from '../../zone/record.ts';
import { createEdge } from './edge.ts';
import { addresses, createSigningKey, publishToKv, type TestKey } from './publish-to-kv.ts';

let key: TestKey;
beforeAll(async () => {
  key = await createSigningKey();
});
afterEach(() => reset());

const rrset = (owner: string, type: number, ...texts: readonly string[]): RRset => ({
  owner: parseName(owner),
  type,
  ttl: 30,
  rdata: texts.map((text) => parseRdata(type, text)),
  sources: 1,
});

const PTR = rrset('1.0.0.10.in-addr.arpa', TYPE.PTR, 'web.marathon.mesos.');
const RRSETS = [
  addresses('web.marathon.mesos', ['10.0.0.1']),
  rrset('web.marathon.mesos', TYPE.HTTPS, '1 . alpn=h2,http/1.1 port=8443'),
  rrset('_8443._https.web.marathon.mesos', TYPE.HTTPS, '1 web.marathon.mesos. alpn=h2,http/1.1'),
  rrset('web.marathon.mesos', TYPE.TXT, '"framework=marathon"'),
];
const ZONES = { ZONES: 'mesos,10.in-addr.arpa' };

type Told = { readonly rcode: string; readonly answers: readonly string[]; readonly authority: string[] };

/** Answers as `name TYPE value`, and the owners of SOA records. */
async function told(edge: ReturnType<typeof createEdge>, name: string, type: number): Promise<Told> {
  const { packet, rcode } = await edge.ask({ name, type });
  const { answers = [], authorities = [] } = packet;
  return {
    rcode,
    answers: answers.map((answer) => {
      const data: unknown = 'data' in answer ? answer.data : undefined;
      const octets = data instanceof Uint8Array ? data : undefined;
      const text = octets ? rdataText(octets, { type, at: 0, end: octets.length }) : String(data);
      return `${answer.name} ${text}`;
    }),
    authority: authorities.map((record) => `${record.type} ${record.name}`),
  };
}

async function publishBoth(): Promise<void> {
  await publishToKv(env.SNAPSHOTS, { rrsets: RRSETS, key });
  await publishToKv(env.SNAPSHOTS, { rrsets: [PTR], key, origin: '10.in-addr.arpa' });
}

describe('reverse zones', () => {
  it('are answered from their snapshot where they are among ZONES, special or not', async () => {
    await publishBoth();
    const edge = createEdge(ZONES);
    expect(await told(edge, '1.0.0.10.in-addr.arpa', TYPE.PTR)).toEqual({
      rcode: 'NOERROR',
      answers: ['1.0.0.10.in-addr.arpa web.marathon.mesos'],
      authority: [],
    });
    const soa = ['SOA 10.in-addr.arpa'];
    expect(await told(edge, '2.0.0.10.in-addr.arpa', TYPE.PTR)).toMatchObject({
      rcode: 'NXDOMAIN',
      authority: soa,
    });
    expect(await told(edge, '0.10.in-addr.arpa', TYPE.PTR)).toMatchObject({
      rcode: 'NOERROR',
      authority: soa,
    });
    expect(await told(edge, '10.in-addr.arpa', TYPE.SOA)).toMatchObject({ rcode: 'NOERROR' });
  });

  it('are not where they are no zone of ours', async () => {
    await publishBoth();
    const edge = createEdge({ ZONES: 'mesos' });
    expect((await told(edge, '1.0.0.10.in-addr.arpa', TYPE.PTR)).answers).toEqual([]);
  });

  it('fail, and do not deny, before they are published', async () => {
    await publishToKv(env.SNAPSHOTS, { rrsets: RRSETS, key });
    expect((await told(createEdge(ZONES), '1.0.0.10.in-addr.arpa', TYPE.PTR)).rcode).toBe('SERVFAIL');
  });
});

describe('HTTPS and TXT', () => {
  it('are answered, and what has none gets no data', async () => {
    await publishBoth();
    const edge = createEdge(ZONES);
    expect((await told(edge, 'web.marathon.mesos', TYPE.HTTPS)).answers).toEqual([
      'web.marathon.mesos 1 . alpn=h2,http/1.1 port=8443',
    ]);
    expect((await told(edge, '_8443._https.web.marathon.mesos', TYPE.HTTPS)).answers).toEqual([
      '_8443._https.web.marathon.mesos 1 web.marathon.mesos. alpn=h2,http/1.1',
    ]);
    expect((await told(edge, 'web.marathon.mesos', TYPE.TXT)).answers).toEqual([
      'web.marathon.mesos framework=marathon',
    ]);
    expect(await told(edge, 'web.marathon.mesos', TYPE.SVCB)).toEqual({
      rcode: 'NOERROR',
      answers: [],
      authority: ['SOA mesos'],
    });
    expect((await told(edge, '_8099._https.web.marathon.mesos', TYPE.HTTPS)).rcode).toBe('NXDOMAIN');
  });
});
