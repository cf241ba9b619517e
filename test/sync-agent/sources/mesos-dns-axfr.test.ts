import { describe, expect, it } from 'vitest';
import type { Skipped } from '../../../sync-agent/cluster.ts';
import { createMesosDnsAxfrSource, type Transfer } from '../../../sync-agent/sources/mesos-dns-axfr.ts';
import { type Source, SourceError } from '../../../sync-agent/sources/source.ts';
import { goldenCases } from '../../golden.ts';
import { openHttp, startServer } from './state-server.ts';

const signal = new AbortController().signal;
const FACTS = {
  TTL: 60,
  Serial: 1_700_000_000,
  RefreshSeconds: 60,
  Mname: 'ns1.mesos.',
  Rname: 'root.ns1.mesos.',
};

type Served = { readonly source: Source<Transfer>; readonly asked: string[]; show: (reply: Reply) => void };
type Reply = { readonly status?: number; readonly body: string; readonly headers?: Record<string, string> };

/** A mesos-dns in the test's hands. */
async function serve({ path = '', maxOctets = 1024 * 1024, domain = 'mesos' } = {}): Promise<Served> {
  let reply: Reply = { status: 404, body: '' };
  const asked: string[] = [];
  const { port } = await startServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.accept}`);
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers });
    response.end(reply.body);
  });
  const url = new URL(`http://user:hunter2@127.0.0.1:${port}${path}`);
  const source = createMesosDnsAxfrSource({ url, domain, http: openHttp(), timeoutMs: 5000, maxOctets });
  return { source, asked, show: (next) => void (reply = next) };
}

function transfer(records: Record<string, unknown>, facts: Record<string, unknown> = {}): Reply {
  const Records = { As: {}, AAAAs: {}, SRVs: {}, ...records };
  return { body: JSON.stringify({ ...FACTS, Domain: 'mesos', Records, ...facts }) };
}

async function read(source: Source<Transfer>): Promise<{ given: Transfer; skipped: Skipped[] }> {
  const skipped: Skipped[] = [];
  return { given: await source.read((element) => void skipped.push(element), signal), skipped };
}

async function failure(source: Source<Transfer>): Promise<string> {
  const error: unknown = await source.read(() => undefined, signal).catch((thrown: unknown) => thrown);
  if (!(error instanceof SourceError)) throw new Error('a SourceError was expected', { cause: error });
  expect(error.message).not.toMatch(/hunter|user/);
  return error.message;
}

const LEADER = { As: { 'leader.mesos.': ['10.0.0.1'] } };

describe('a mesos-dns', () => {
  it('is asked for its transfer, and named without secrets', async () => {
    const { source, asked, show } = await serve();
    show(transfer(LEADER));
    expect((await read(source)).given).toMatchObject({ domain: 'mesos', ttl: 60, serial: 1_700_000_000 });
    expect(asked).toEqual(['GET /v1/axfr application/json']);
    expect(source.name).toMatch(/^mesos-dns http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('may be asked under another path', async () => {
    const { source, asked, show } = await serve({ path: '/dns/v1/axfr' });
    show(transfer(LEADER));
    await read(source);
    expect(asked).toEqual(['GET /dns/v1/axfr application/json']);
  });

  it('gives names and values, each once, as they are written', async () => {
    const { source, show } = await serve();
    show(
      transfer({
        As: { 'a.mesos.': ['10.0.0.1', '10.0.0.2', '10.0.0.1', '::ffff:10.0.0.2'] },
        AAAAs: { 'a.mesos.': ['2001:DB8::0:1', '2001:db8::1'] },
        SRVs: {
          '_a._tcp.mesos.': ['a-x.mesos.:31000', 'a-x.mesos.:31000', 'A.mesos.:70000', 'a:8080.mesos.:1'],
        },
      }),
    );
    const { given, skipped } = await read(source);
    expect(skipped).toEqual([]);
    expect(given.records.A.get('a.mesos.')).toEqual(['10.0.0.1', '10.0.0.2', '::ffff:10.0.0.2']);
    expect(given.records.AAAA.get('a.mesos.')).toEqual(['2001:DB8::0:1', '2001:db8::1']);
    // What of these can be answered is judged where records are.
    expect(given.records.SRV.get('_a._tcp.mesos.')).toEqual([
      'a-x.mesos.:31000',
      'A.mesos.:70000',
      'a:8080.mesos.:1',
    ]);
  });

  it('may have empty maps, as Go writes them', async () => {
    const { source, show } = await serve();
    show(transfer({ ...LEADER, AAAAs: null, SRVs: null }));
    expect((await read(source)).given.records.SRV.size).toBe(0);
  });

  it('has what is no record left out and reported', async () => {
    const { source, show } = await serve();
    const names = [
      'no-dot.mesos',
      'Upper.mesos.',
      'a..mesos.',
      '.mesos.',
      '',
      '.',
      `${'x'.repeat(64)}.mesos.`,
      'a b.mesos.',
      'a\\.b.mesos.',
      'a\\032b.mesos.',
      'a.*.mesos.',
      'ü.mesos.',
      '__proto__',
    ];
    const As = Object.fromEntries(names.map((name) => [name, ['10.0.0.1']]));
    show(
      transfer({
        As: {
          ...As,
          'good.mesos.': ['10.0.0.1', '10.0.0', '2001:db8::1', 7, null, ['10.0.0.3'], ''],
          'list.mesos.': '10.0.0.1',
        },
        AAAAs: { 'good.mesos.': ['10.0.0.1', 'fe80::1%eth0'] },
        SRVs: { '_a._tcp.mesos.': ['nowhere', {}, ':80'], '_b._tcp.mesos.': ['b.mesos.:http'] },
      }),
    );
    const { given, skipped } = await read(source);
    expect([...given.records.A]).toEqual([['good.mesos.', ['10.0.0.1']]]);
    expect([...given.records.AAAA]).toEqual([]);
    expect([...given.records.SRV]).toEqual([['_b._tcp.mesos.', ['b.mesos.:http']]]);
    const reasons = skipped.map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === 'name-not-askable')).toHaveLength(
      new Set(Object.keys(As)).size,
    );
    expect(reasons.filter((reason) => reason === 'value-not-answerable')).toHaveLength(6 + 1 + 2 + 3);
    expect(skipped.map(({ detail }) => detail)).toContain('good.mesos. A: "2001:db8::1" is no A value');
  });

  it.each<[string, Reply, RegExp]>([
    ['a list', { body: '[]' }, /is not an object/],
    ['null', { body: 'null' }, /is not an object/],
    ['no records', { body: JSON.stringify({ ...FACTS, Domain: 'mesos' }) }, /Records: is not an object/],
    ['a map that is a list', transfer({ As: [] }), /Records\.As: is not an object/],
    ['a map that is missing', transfer({ SRVs: undefined }), /Records\.SRVs: is not an object/],
    ['no domain', transfer(LEADER, { Domain: undefined }), /Domain: is not a domain/],
    ['another domain', transfer(LEADER, { Domain: 'dc1.mesos' }), /Domain: is "dc1\.mesos", and "mesos"/],
    ['a TTL that is a text', transfer(LEADER, { TTL: '60' }), /TTL: is not a whole number/],
    ['no serial', transfer(LEADER, { Serial: null }), /Serial: is not a whole number/],
    ['no record at all', transfer({}), /no record that can be used/],
    ['no good record', transfer({ As: { 'a.mesos.': ['x'] } }), /no record that can be used/],
    ['not JSON', { body: '<html>' }, /not JSON but <html>/],
    ['cut-off JSON', { body: transfer(LEADER).body.slice(0, -2) }, /not JSON/],
    ['nothing', { body: '' }, /not JSON but nothing/],
    ['404', { status: 404, body: '404: Page Not Found' }, /404.*"enumerationOn": true/],
    ['403', { status: 403, body: 'off' }, /403.*"enumerationOn": true/],
    ['500', { status: 500, body: 'oops' }, /500.*oops/],
    ['a redirect', { status: 302, body: '', headers: { location: 'http://127.0.0.1:1/' } }, /302/],
    ['too much', { body: `"${'x'.repeat(2 * 1024 * 1024)}"` }, /larger than/],
  ])('%s throws SourceError', async (_, reply, words) => {
    const { source, show } = await serve();
    show(reply);
    expect(await failure(source)).toMatch(words);
    show(transfer(LEADER));
    expect((await read(source)).given.records.A.size).toBe(1);
  });

  it('that is not there throws SourceError; an abort gives its own reason', async () => {
    const url = new URL('http://127.0.0.1:1');
    const source = createMesosDnsAxfrSource({
      url,
      domain: 'mesos',
      http: openHttp(),
      timeoutMs: 2000,
      maxOctets: 1024,
    });
    expect(await failure(source)).toMatch(/^mesos-dns http:\/\/127\.0\.0\.1:1: GET .* refused/);
    const reason = new Error('enough');
    await expect(source.read(() => undefined, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

describe('the golden record sets as transfers', () => {
  const cases = goldenCases().filter(({ records }) => records !== undefined);

  it.each(cases)('$id', async ({ config, records = { A: {}, AAAA: {}, SRV: {} } }) => {
    const domain = String(config['domain']).toLowerCase();
    const { source, show } = await serve({ domain });
    show(transfer({ As: records.A, AAAAs: records.AAAA, SRVs: records.SRV }, { Domain: config['domain'] }));
    const { given, skipped } = await read(source);
    for (const type of ['A', 'AAAA', 'SRV'] as const)
      expect(Object.fromEntries(given.records[type])).toEqual(records[type]);
    expect(skipped.map(({ detail }) => detail)).toEqual([]);
  });
});
