import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { version } from '../../package.json';
import { canonicalAddress, parseAddress } from '../../zone/address.ts';
import { entriesOf } from '../../zone/block.ts';
import type { Entry } from '../../zone/entry.ts';
import { compareOctets } from '../../zone/hash.ts';
import { isNameWithin, type OwnerName, parseName } from '../../zone/name.ts';
import { encodeSrv, type RData, type RRset, TYPE } from '../../zone/record.ts';
import { enumerationOf } from '../../worker/v1/enumerate.ts';
import { streamOf } from '../../worker/v1/stream.ts';
import { createEdge, type Edge } from './edge.ts';
import {
  addresses,
  buildSnapshot,
  cname,
  createSigningKey,
  publishToKv,
  services,
  type TestKey,
} from './publish-to-kv.ts';

/** Whatever a body holds. */
type Json = ReturnType<typeof JSON.parse>;

let key: TestKey;
beforeAll(async () => {
  key = await createSigningKey();
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(async () => {
  await reset();
});

const listing = { ENUMERATION: 'on' };

async function jsonAt(edge: Edge, path: string): Promise<Json> {
  const response = await edge.fetch(path);
  const text = await response.text();
  expect([path, response.status, response.headers.get('content-type'), text.slice(0, 0)]).toEqual([
    path,
    200,
    'application/json',
    '',
  ]);
  return JSON.parse(text);
}

describe('the golden vectors over HTTP', () => {
  const vectors: [string, Json][] = Object.entries(
    import.meta.glob('../fixtures/golden/*.json', { eager: true, import: 'default' }),
  )
    .map(([path, vector]): [string, Json] => [path.replace(/^.*\//, ''), vector])
    .filter(([, vector]) => vector['http'] !== undefined);

  it('are there', () => {
    expect(vectors.length).toBeGreaterThan(50);
  });

  it.each(vectors)('%s', async (_, vector) => {
    const origin = parseName(vector['config']['domain']);
    const zone = zoneFrom(vector, origin);
    await publishToKv(env.SNAPSHOTS, { key, origin, rrsets: zone.rrsets, epoch: nextEpoch++ });
    const enumerates = vector['config']['enumerationOn'];
    const edge = createEdge({ ZONES: origin, ENUMERATION: enumerates ? 'on' : undefined });
    for (const [path, expected] of Object.entries<Json>(vector['http'])) {
      const [, , kind = '', ...rest] = path.split('/');
      const name = rest.join('/');
      if (kind === 'hosts' && !name.endsWith('/ports')) await checkHosts(edge, zone, { name, expected });
      else if (kind === 'services') await checkServices(edge, zone, { name, expected });
      else if (kind === 'axfr' && enumerates) await checkTransfer(edge, zone);
      else if (kind === 'enumerate' && enumerates)
        await checkEnumeration(edge, zone, { expected: expected['json'], vector });
      else if (kind === 'version') {
        expect(await jsonAt(edge, path)).toEqual({ ...expected['json'], Version: `mesos-doh ${version}` });
      } else if (kind === 'config') checkConfig(await jsonAt(edge, path), expected['json'], origin);
      else {
        const status = kind === 'axfr' || kind === 'enumerate' ? 403 : expected['status'];
        expect([path, (await edge.fetch(path)).status]).toEqual([path, status]);
      }
    }
  });
});

let nextEpoch = 1;

/** What of a vector's records a zone can say, by type and name. */
type Zone = {
  readonly rrsets: readonly RRset[];
  readonly values: Readonly<Record<'A' | 'AAAA' | 'SRV', ReadonlyMap<string, readonly string[]>>>;
};

function zoneFrom(vector: Json, origin: OwnerName): Zone {
  const rrsets: RRset[] = [];
  const values = { A: new Map(), AAAA: new Map(), SRV: new Map() };
  const unreachable = new Set(vector['unreachable']);
  for (const type of ['A', 'AAAA', 'SRV'] as const) {
    for (const [name, texts] of Object.entries<string[]>(vector['records'][type])) {
      if (unreachable.has(name) || !isNameWithin(parseName(name), origin)) continue;
      const kept = new Map<string, RData>();
      for (const text of texts) {
        const rdata = type === 'SRV' ? srvOf(text) : parseAddress(text);
        if (rdata) kept.set(type === 'SRV' ? text.toLowerCase() : (canonicalAddress(text) ?? ''), rdata);
      }
      values[type].set(name, [...kept.keys()].toSorted());
      const rdata = [...kept.values()].toSorted(compareOctets);
      rrsets.push({ owner: parseName(name), type: TYPE[type], ttl: 60, rdata, sources: 1 });
    }
  }
  return { rrsets: rrsets.filter(({ rdata }) => rdata.length > 0), values };
}

/** RDATA of `target:port`; undefined for a value that no answer can carry. */
function srvOf(text: string): RData | undefined {
  const [, target = '', port = ''] = /^([^:]*):(\d{1,5})$/.exec(text) ?? [];
  if (target === '' || Number(port) > 65535) return undefined;
  try {
    return encodeSrv({ priority: 0, weight: 1, port: Number(port), target: parseName(target) });
  } catch {
    return undefined;
  }
}

type Looked = { readonly name: string; readonly expected: Json };

async function checkHosts(edge: Edge, { values }: Zone, { name, expected }: Looked): Promise<void> {
  const path = `/v1/hosts/${encodeURIComponent(name)}`;
  const owner = `${name.toLowerCase().replace(/\.$/, '')}.`;
  const known = [...(values.A.get(owner) ?? []), ...(values.AAAA.get(owner) ?? [])];
  const ours = await jsonAt(edge, path);
  // Its router knows no names with a slash; ours does.
  if (expected['json'] === undefined) return;
  if (known.length === 0) return expectMiss(edge, { path, ours, expected, owner });
  expect(sorted(ours), path).toEqual(
    sorted(expected['json'].map(({ host, ip }: Json) => ({ host, ip: canonicalAddress(ip) }))),
  );
  expect(
    ours.map(({ ip }: Json) => ip.includes(':')),
    path,
  ).toEqual(ours.map(({ ip }: Json) => ip.includes(':')).toSorted());
}

async function checkServices(edge: Edge, { values }: Zone, { name, expected }: Looked): Promise<void> {
  const path = `/v1/services/${encodeURIComponent(name)}`;
  const owner = `${name.toLowerCase().replace(/\.$/, '')}.`;
  const known = new Set(values.SRV.get(owner));
  const ours = await jsonAt(edge, path);
  if (expected['json'] === undefined) return;
  const theirs = expected['json'].filter(({ host, port }: Json) =>
    known.has(`${host}:${port}`.toLowerCase()),
  );
  if (theirs.length === 0) return expectMiss(edge, { path, ours, expected, owner });
  const shape = ({ service, host, port }: Json, ip: string): Json => ({
    service,
    host: host.toLowerCase(),
    port,
    v6: ip.includes(':'),
  });
  expect(sorted(ours.map((item: Json) => shape(item, item['ip']))), path).toEqual(
    sorted(theirs.map((item: Json) => shape(item, item['ipOneOf'][0]))),
  );
  for (const { host, port, ip } of ours) {
    const choices = theirs.filter(
      (item: Json) => item['host'].toLowerCase() === host && item['port'] === port,
    );
    expect(
      choices.flatMap((item: Json) => item['ipOneOf']).map((text: string) => canonicalAddress(text)),
      path,
    ).toContain(ip);
  }
}

/** A miss is an empty list; with compat, what mesos-dns gives, unless it holds names that we keep out. */
async function expectMiss(
  edge: Edge,
  { path, ours, expected, owner }: { path: string; ours: Json; expected: Json; owner: string },
): Promise<void> {
  expect([path, ours]).toEqual([path, []]);
  const theirs = expected['json']?.[0];
  const isMiss = theirs !== undefined && Object.values(theirs).every((text) => text === '');
  if (isMiss) expect([path, await jsonAt(edge, `${path}?compat=1`)]).toEqual([path, expected['json']]);
  // What mesos-dns has and we do not: names outside the zone, names and values that can't be asked or answered.
  else expect([path, KEPT_OUT.test(owner) || keptOutValue(theirs)]).toEqual([path, true]);
}

const KEPT_OUT = /[^-!#-'*+,/-9:<-?[\]^_`a-z{|}~]|\.\*|^\.|\.\.|[^.]{64}|^.{255}|^ns1\.mesos\.$|\//;
function keptOutValue(item: Json): boolean {
  return item === undefined || /[^.]{64}|^\.|\.\.|:/.test(item['host']) || Number(item['port'] ?? 0) > 65535;
}

async function checkTransfer(edge: Edge, { values }: Zone): Promise<void> {
  const { Records, ...facts } = await jsonAt(edge, '/v1/axfr');
  expect(Object.keys(Records)).toEqual(['As', 'AAAAs', 'SRVs']);
  for (const type of ['A', 'AAAA', 'SRV'] as const) {
    const given = Object.entries<string[]>(Records[`${type}s`]).map(([name, texts]) => [
      name,
      texts.toSorted(),
    ]);
    const had = [...values[type]].filter(([, texts]) => texts.length > 0);
    expect(sorted(given), type).toEqual(sorted(had));
  }
  expect(Object.keys(facts)).toEqual(['TTL', 'Serial', 'RefreshSeconds', 'Mname', 'Rname', 'Domain']);
}

/** The same records as mesos-dns lists, each once; whose they are is told by the framework's label form. */
async function checkEnumeration(
  edge: Edge,
  { values }: Zone,
  { expected, vector }: { expected: Json; vector: Json },
): Promise<void> {
  const flat = (json: Json): string[] =>
    (json['frameworks'] ?? []).flatMap(({ tasks }: Json) =>
      tasks.flatMap(({ records }: Json) =>
        (records ?? [])
          .filter(({ name, host, rtype }: Json) =>
            values[rtype as 'A']
              .get(name)
              ?.includes(rtype === 'SRV' ? host.toLowerCase() : (canonicalAddress(host) ?? '')),
          )
          .map(
            ({ name, host, rtype }: Json) =>
              `${rtype} ${name} ${rtype === 'SRV' ? host.toLowerCase() : canonicalAddress(host)}`,
          ),
      ),
    );
  const ours = await jsonAt(edge, '/v1/enumerate');
  const [given, had] = [flat(ours).toSorted(), [...new Set(flat(expected))].toSorted()];
  // A framework without a port and without services may look like a task of a framework by its last label, and
  // the zone published here has another name server.
  const { state, config } = vector;
  const frameworks: string[] = (state['frameworks'] ?? []).map(({ name }: Json) =>
    String(name).toLowerCase(),
  );
  frameworks.push(config['SOAMname'].toLowerCase().replace(/\.mesos\.?$/, ''));
  const isFrameworks = (record: string): boolean =>
    frameworks.some((name) => record.split(' ')[1]?.startsWith(`${name}.`));
  expect(given.filter((record) => !had.includes(record) && !isFrameworks(record))).toEqual([]);
  expect(had.filter((record) => !given.includes(record))).toEqual([]);
  expect(new Set(given).size).toBe(given.length);
}

function checkConfig(ours: Json, expected: Json, origin: string): void {
  for (const [name, value] of Object.entries(ours)) {
    expect(Object.keys(expected)).toContain(name);
    if (expected[name] !== '*') expect(typeof value, name).toBe(typeof expected[name]);
  }
  expect(ours['Domain']).toBe(origin);
  expect(ours['EnumerationOn']).toBe(expected['EnumerationOn']);
}

function sorted(items: readonly unknown[]): unknown[] {
  return items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

describe('mesos-dns over HTTP', () => {
  const ORIGIN = 'v1.example';
  const zones = { ZONES: ORIGIN };
  const rrsets = [
    addresses(`web.marathon.${ORIGIN}`, ['10.0.0.1', '10.0.0.2']),
    addresses(`web.marathon.${ORIGIN}`, ['2001:db8::1']),
    addresses(`only6.marathon.${ORIGIN}`, ['2001:db8::6']),
    addresses(`two words.${ORIGIN}`, ['10.0.0.3']),
    addresses(`a\\.b/c.${ORIGIN}`, ['10.0.0.4']),
    services(`_web._tcp.marathon.${ORIGIN}`, [
      `web.marathon.${ORIGIN}:31080`,
      `web.marathon.${ORIGIN}:31081`,
      `only6.marathon.${ORIGIN}:1`,
      `nowhere.${ORIGIN}:2`,
    ]),
  ];
  const [web, v6] = [`web.marathon.${ORIGIN}`, '2001:db8::1'];
  beforeAll(async () => {
    await publishToKv(env.SNAPSHOTS, { key, origin: ORIGIN, serial: 7, rrsets });
  });

  it('answers in JSON that nobody keeps', async () => {
    const response = await createEdge(zones).fetch(`/v1/hosts/${web}`);
    expect(Object.fromEntries(response.headers)).toEqual({
      'content-type': 'application/json',
      'cache-control': 'no-store',
    });
    expect(await response.text()).toMatch(/^\[\n \{\n {2}"host": "web\.marathon\.v1\.example\.",/);
  });

  it.each([
    [`hosts/${web}`, [`${web}. 10.0.0.1`, `${web}. 10.0.0.2`, `${web}. ${v6}`]],
    [`hosts/${web.toUpperCase()}./`, [`${web}. 10.0.0.1`, `${web}. 10.0.0.2`, `${web}. ${v6}`]],
    [`hosts/two%20words.${ORIGIN}`, [`two\\032words.${ORIGIN}. 10.0.0.3`]],
    [`hosts/a%5C.b%2Fc.${ORIGIN}`, [`a\\.b/c.${ORIGIN}. 10.0.0.4`]],
    [`hosts/marathon.${ORIGIN}`, []],
    [`hosts/${ORIGIN}`, []],
    [`hosts/nothing.${ORIGIN}`, []],
    ['hosts/example.com', []],
    ['hosts/a..b', []],
    [`hosts/.*.${web}`, []],
    [`hosts/${'a'.repeat(64)}.${ORIGIN}`, []],
    [`hosts/${'a.'.repeat(3000)}${ORIGIN}`, []],
    ['hosts/%5C999', []],
    ['hosts/%00.v1.example', []],
    ['hosts/<script>.v1.example', []],
    [`services/_web._tcp.nothing.${ORIGIN}`, []],
    [`services/${web}`, []],
    [`hosts/_web._tcp.marathon.${ORIGIN}`, []],
  ])('%s', async (path, expected) => {
    const edge = createEdge(zones);
    const items = await jsonAt(edge, `/v1/${path}`);
    expect(items.map(({ host, ip }: Json) => `${host} ${ip}`)).toEqual(expected);
    if (expected.length > 0) return;
    const empty = path.startsWith('hosts')
      ? [{ host: '', ip: '' }]
      : [{ service: '', host: '', ip: '', port: '' }];
    expect(await jsonAt(edge, `/v1/${path}?compat=1`)).toEqual(empty);
    expect(await jsonAt(edge, `/v1/${path}?compat=0`)).toEqual([]);
  });

  it('gives each service one address a family, by chance', async () => {
    const edge = createEdge(zones);
    const asked = `_WEB._tcp.Marathon.${ORIGIN}`;
    const seen = new Set<string>();
    for (let i = 0; i < 30; i++) {
      const items = await jsonAt(edge, `/v1/services/${asked}`);
      expect(items.every(({ service }: Json) => service === asked)).toBe(true);
      const shape = items.map(({ host, ip, port }: Json) => `${host} ${port} ${ip.includes(':')}`);
      expect(shape.toSorted()).toEqual([
        `only6.marathon.${ORIGIN}. 1 true`,
        `${web}. 31080 false`,
        `${web}. 31080 true`,
        `${web}. 31081 false`,
        `${web}. 31081 true`,
      ]);
      for (const { ip } of items) seen.add(ip);
    }
    expect([...seen].toSorted()).toEqual(['10.0.0.1', '10.0.0.2', v6, '2001:db8::6']);
  });

  it('tells its version and the settings it knows, no secret among them', async () => {
    const edge = createEdge({
      ...zones,
      UPSTREAMS: 'https://one.example/secret-profile,https://u:p@two.example/',
    });
    expect(await jsonAt(edge, '/v1/version')).toEqual({
      Service: 'Mesos-DNS',
      URL: 'https://github.com/mesosphere/mesos-dns',
      Version: `mesos-doh ${version}`,
    });
    expect(await jsonAt(edge, '/v1/config')).toEqual({
      ...{ RefreshSeconds: 60, TTL: 60, SOASerial: 7, SOARefresh: 60, SOARetry: 600, SOAExpire: 86_400 },
      ...{ SOAMinttl: 10, SOAMname: `ns1.${ORIGIN}.`, SOARname: `root.ns1.${ORIGIN}.`, Domain: ORIGIN },
      ...{ Resolvers: ['one.example', 'two.example'], ExternalOn: true, RecurseOn: true },
      ...{ DnsOn: true, HttpOn: true, SetTruncateBit: true, EnumerationOn: false },
    });
  });

  it.each([
    ['GET', '/v1', 404],
    ['GET', '/v1/', 404],
    ['GET', '/v1/nosuch', 404],
    ['GET', '/v1/hosts', 404],
    ['GET', '/v1/hosts/', 404],
    ['GET', '/v1/version/x', 404],
    ['GET', `/v1/services/${web}/ports`, 404],
    ['GET', `/v1/hosts/${web}/ports/x`, 404],
    ['GET', `/v1/hosts//${web}`, 404],
    ['GET', '/v1/constructor', 404],
    ['GET', `/v1/hosts/${web}/ports`, 501],
    ['GET', '/v1/hosts/%E0%A4%A', 400],
    ['POST', '/v1/version', 405],
    ['DELETE', `/v1/hosts/${web}`, 405],
    ['GET', '/v1/axfr', 403],
    ['GET', '/v1/enumerate', 403],
    ['GET', '/v1/version/', 200],
    ['HEAD', `/v1/hosts/${web}`, 200],
  ])('%s %s: %i', async (method, path, status) => {
    const response = await createEdge(zones).fetch(path, { method });
    expect(response.status).toBe(status);
    if (status === 405) expect(response.headers.get('allow')).toBe('GET, HEAD');
    if (status >= 400) expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const text = await response.text();
    if (status === 403) expect(text).toMatch(/ENUMERATION=on/);
    expect(text).not.toMatch(/ at |\.ts|<script/);
  });

  it.each([
    [undefined, 200],
    ['*/*', 200],
    ['application/json', 200],
    ['text/html, application/json;q=0.1', 200],
    ['application/*', 200],
    ['text/html', 406],
    ['application/xml', 406],
  ])('accept %s: %i', async (accept, status) => {
    const headers = accept === undefined ? {} : { accept };
    expect((await createEdge(zones).fetch('/v1/version', { headers })).status).toBe(status);
  });

  it.each(['', 'off', 'yes', 'On', 'true', undefined])('ENUMERATION=%s lists nothing', async (value) => {
    const edge = createEdge({ ...zones, ENUMERATION: value });
    for (const path of ['/v1/axfr', '/v1/enumerate', '/v1/axfr/'])
      expect((await edge.fetch(path)).status).toBe(403);
  });

  it('follows CNAMEs through our zones, and no further', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    const [origin, other] = ['alias.example', 'other.example'];
    await publishToKv(env.SNAPSHOTS, {
      ...{ key, origin },
      rrsets: [
        cname(`www.${origin}`, `far.${origin}`),
        cname(`far.${origin}`, `web.${other}`),
        cname(`srv.${origin}`, `_web._tcp.${other}`),
        cname(`gone.${origin}`, `none.${other}`),
        cname(`out.${origin}`, 'www.example.com'),
        cname(`dark.${origin}`, 'a.none.example'),
        cname(`loop.${origin}`, `pool.${origin}`),
        cname(`pool.${origin}`, `loop.${origin}`),
        cname(`*.apps.${origin}`, `web.${other}`),
        ...Array.from({ length: 9 }, (_, i) =>
          cname(`c${i}.${origin}`, i ? `c${i - 1}.${origin}` : `web.${other}`),
        ),
      ],
    });
    await publishToKv(env.SNAPSHOTS, {
      ...{ key, origin: other },
      rrsets: [addresses(`web.${other}`, ['10.0.0.7']), services(`_web._tcp.${other}`, [`web.${other}:80`])],
    });
    const edge = createEdge({ ZONES: `${origin},${other},none.example` });
    for (const name of [`www.${origin}`, `far.${origin}`, `c7.${origin}`, `x.apps.${origin}`])
      expect(await jsonAt(edge, `/v1/hosts/${name}`)).toEqual([{ host: `${name}.`, ip: '10.0.0.7' }]);
    expect(await jsonAt(edge, `/v1/services/srv.${origin}`)).toEqual([
      { service: `srv.${origin}`, host: `web.${other}.`, ip: '10.0.0.7', port: '80' },
    ]);
    for (const name of ['gone', 'out']) expect(await jsonAt(edge, `/v1/hosts/${name}.${origin}`)).toEqual([]);
    for (const name of ['loop', 'dark', 'c8'])
      expect([name, (await edge.fetch(`/v1/hosts/${name}.${origin}`)).status]).toEqual([name, 503]);
  });

  it('never forwards a name', async () => {
    const asked = vi.fn<typeof fetch>();
    vi.stubGlobal('fetch', asked);
    expect(
      await jsonAt(createEdge({ ...zones, UPSTREAMS: 'https://one.example/' }), '/v1/hosts/example.com'),
    ).toEqual([]);
    vi.unstubAllGlobals();
    expect(asked).not.toHaveBeenCalled();
  });

  it('takes a zone that can not be read neither for a hit nor for a miss', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    const old = {
      origin: 'gone.example',
      createdAtMs: Date.now() - 10_000_000,
      settings: { expireAfterSeconds: 100 },
    };
    await publishToKv(env.SNAPSHOTS, { key, ...old, rrsets: [addresses('a.gone.example', ['10.0.0.1'])] });
    for (const zone of ['none.example', 'gone.example']) {
      const edge = createEdge({ ZONES: zone, ...listing });
      for (const path of [`hosts/a.${zone}`, `services/_a._tcp.${zone}`, 'config', 'axfr', 'enumerate']) {
        const response = await edge.fetch(`/v1/${path}?compat=1`);
        expect([path, response.status, response.headers.get('retry-after')]).toEqual([path, 503, '5']);
      }
      expect((await edge.fetch('/v1/version')).status).toBe(200);
    }
  });

  it('is asked which of several zones it is to list', async () => {
    const edge = createEdge({ ZONES: `none.example,${ORIGIN}`, ...listing });
    for (const path of ['/v1/config', '/v1/axfr', '/v1/enumerate']) {
      const refused = await edge.fetch(path);
      expect([refused.status, await refused.text()]).toEqual([
        400,
        expect.stringMatching(/none\.example, v1\.example|v1\.example, none\.example/),
      ]);
      expect((await edge.fetch(`${path}?zone=other.example`)).status).toBe(400);
      expect((await edge.fetch(`${path}?zone=a..b`)).status).toBe(400);
      expect((await edge.fetch(`${path}?zone=V1.example.`)).status).toBe(200);
    }
    expect(await jsonAt(edge, `/v1/hosts/only6.marathon.${ORIGIN}`)).toHaveLength(1);
  });
});

describe('a listing', () => {
  const ORIGIN = 'many.example';
  const edgeOf = (): Edge => createEdge({ ZONES: ORIGIN, ...listing });
  const many = (from: number, to: number, octet: number): RRset[] =>
    Array.from({ length: to - from }, (_, i) => [
      addresses(`t${from + i}.app.${ORIGIN}`, [`10.${octet}.${(from + i) >> 8}.${(from + i) & 255}`]),
      services(`_t${from + i}._tcp.app.${ORIGIN}`, [`t${from + i}.app.${ORIGIN}:80`]),
    ]).flat();
  const limits = { overlayOctets: 4096, runOctets: 20_000, shardOctets: 10_000 };

  it('holds what all levels say, each name once', async () => {
    const base = await publishToKv(env.SNAPSHOTS, {
      key,
      origin: ORIGIN,
      serial: 1,
      limits,
      rrsets: many(0, 600, 1),
    });
    expect(base.levels.table.shards?.hashes.length).toBeGreaterThan(4);
    // Some go into the run, some stay in the overlay; some are changed, some taken away, some new.
    const middle = [...many(20, 600, 1), ...many(600, 650, 2), ...many(0, 10, 2)];
    const after = await publishToKv(env.SNAPSHOTS, {
      key,
      origin: ORIGIN,
      serial: 2,
      limits,
      rrsets: middle,
      after: base,
    });
    const last = [...middle.slice(10), ...many(700, 705, 3)];
    const top = await publishToKv(env.SNAPSHOTS, {
      key,
      origin: ORIGIN,
      serial: 3,
      limits,
      rrsets: last,
      after,
    });
    expect(
      [top.levels.overlay?.count, top.levels.run?.count].every((count) => count !== undefined && count > 0),
    ).toBe(true);

    const had = new Map(
      last
        .filter(({ type }) => type === TYPE.A)
        .map(({ owner, rdata }) => [`${owner}.`, [rdata[0]?.join('.')]]),
    );
    const edge = edgeOf();
    const { Records, Serial } = await jsonAt(edge, '/v1/axfr');
    expect(Serial).toBe(3);
    expect(sorted(Object.entries(Records['As']))).toEqual(sorted([...had]));
    expect(Object.keys(Records['SRVs'])).toHaveLength(last.length - had.size);
    expect(Records['AAAAs']).toEqual({});
    const text = await (await edge.fetch('/v1/axfr')).text();
    expect(text.match(/"[^"]+":\[/g)).toHaveLength(last.length);

    const { frameworks } = await jsonAt(edge, '/v1/enumerate');
    expect(frameworks.map(({ name }: Json) => name)).toEqual(['app']);
    const records = frameworks[0].tasks.flatMap((task: Json) => task['records']);
    expect(records).toHaveLength(last.length);
  });

  it('has large sets as their last changes made them', async () => {
    const zone = 'large.example';
    const small = many(0, 300, 1).map((rrset) => ({
      ...rrset,
      owner: parseName(rrset.owner.replace(ORIGIN, zone)),
    }));
    const set = (ports: readonly number[]): RRset =>
      services(
        `_big._tcp.app.${zone}`,
        ports.map((port) => `big.app.${zone}:${port}`),
      );
    const ports = Array.from({ length: 200 }, (_, i) => 1000 + i);
    const to = { key, origin: zone, limits };
    const base = await publishToKv(env.SNAPSHOTS, { ...to, serial: 1, rrsets: [...small, set(ports)] });
    expect(base.levels.table.shards).toBeDefined();
    const next = [...ports.slice(3), 2000];
    await publishToKv(env.SNAPSHOTS, { ...to, serial: 2, rrsets: [...small, set(next)], after: base });
    const edge = createEdge({ ZONES: zone, ...listing });
    const { Records } = await jsonAt(edge, '/v1/axfr');
    expect(sorted(Records['SRVs'][`_big._tcp.app.${zone}.`])).toEqual(
      next.map((port) => `big.app.${zone}.:${port}`),
    );
    expect(Object.keys(Records['SRVs'])).toHaveLength(301);
    const text = await (await edge.fetch('/v1/axfr')).text();
    expect(text.split('"_big._tcp')).toHaveLength(2);
  });

  it('groups records by framework and task', async () => {
    const [zone, instance] = ['group.example', 'web-abcde-s0.prod.eu.group.example'];
    const rrsets = [
      addresses('leader.group.example', ['10.0.0.9']),
      addresses('prod.eu.group.example', ['10.0.0.8']),
      services('_framework._tcp.prod.eu.group.example', ['prod.eu.group.example:9']),
      addresses('web.prod.eu.group.example', ['10.0.0.1']),
      addresses('web.prod.eu.slave.group.example', ['10.1.0.1']),
      addresses(instance, ['10.0.0.1']),
      services('_web._tcp.prod.eu.group.example', [`${instance}:80`]),
      services('_http._web._tcp.prod.eu.group.example', [`${instance}:80`]),
      addresses('my-first-app.prod.eu.group.example', ['10.0.0.2']),
      addresses('lone.other.group.example', ['10.0.0.3']),
      addresses('ns1.group.example', ['10.0.0.7']),
    ];
    await publishToKv(env.SNAPSHOTS, { key, origin: zone, rrsets });
    const list = await jsonAt(createEdge({ ZONES: zone, ...listing }), '/v1/enumerate');
    expect(list).toEqual({
      frameworks: [
        {
          name: 'other',
          tasks: [
            {
              name: 'lone',
              id: '',
              records: [{ name: 'lone.other.group.example.', host: '10.0.0.3', rtype: 'A' }],
            },
          ],
        },
        {
          name: 'prod.eu',
          tasks: [
            {
              name: 'my-first-app',
              id: '',
              records: [{ name: 'my-first-app.prod.eu.group.example.', host: '10.0.0.2', rtype: 'A' }],
            },
            {
              name: 'web',
              id: '',
              records: [
                { name: `${instance}.`, host: '10.0.0.1', rtype: 'A' },
                { name: 'web.prod.eu.group.example.', host: '10.0.0.1', rtype: 'A' },
                { name: 'web.prod.eu.slave.group.example.', host: '10.1.0.1', rtype: 'A' },
                { name: '_http._web._tcp.prod.eu.group.example.', host: `${instance}.:80`, rtype: 'SRV' },
                { name: '_web._tcp.prod.eu.group.example.', host: `${instance}.:80`, rtype: 'SRV' },
              ],
            },
          ],
        },
      ],
    });
  });

  it('of a zone without tasks is an empty one', async () => {
    const zone = 'bare.example';
    await publishToKv(env.SNAPSHOTS, {
      key,
      origin: zone,
      rrsets: [addresses(`leader.${zone}`, ['10.0.0.1'])],
    });
    const edge = createEdge({ ZONES: zone, ...listing });
    expect(await jsonAt(edge, '/v1/enumerate')).toEqual({ frameworks: [] });
    expect((await jsonAt(edge, '/v1/axfr'))['Records']).toEqual({
      As: { [`leader.${zone}.`]: ['10.0.0.1'] },
      AAAAs: {},
      SRVs: {},
    });
  });

  it.each(['/v1/axfr', '/v1/enumerate'])('%s breaks off where a block is missing', async (path) => {
    const warned = vi.spyOn(console, 'warn').mockReturnValue();
    const zone = 'hole.example';
    const rrsets = many(0, 300, 1).map((rrset) => ({
      ...rrset,
      owner: parseName(rrset.owner.replace(ORIGIN, zone)),
    }));
    const { blocks } = await publishToKv(env.SNAPSHOTS, { key, origin: zone, limits, rrsets });
    const lost = [...blocks.keys()].at(-1) ?? '';
    await env.SNAPSHOTS.delete(lost);
    const response = await createEdge({ ZONES: zone, ...listing }).fetch(path);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
    expect(warned.mock.calls.flat().join()).toMatch(/missing or damaged/);
  });

  it('breaks off where a block is another than its hash says', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    const zone = 'swap.example';
    const rrsets = many(0, 300, 1).map((rrset) => ({
      ...rrset,
      owner: parseName(rrset.owner.replace(ORIGIN, zone)),
    }));
    const { blocks } = await publishToKv(env.SNAPSHOTS, { key, origin: zone, limits, rrsets });
    const [first = '', second = ''] = blocks.keys();
    await env.SNAPSHOTS.put(first, blocks.get(second) ?? '');
    const response = await createEdge({ ZONES: zone, ...listing }).fetch('/v1/axfr');
    await expect(response.text()).rejects.toThrow();
  });

  it('leaves out the name server, wherever it stands', async () => {
    const zone = 'server.example';
    const mname = parseName(`ns.marathon.${zone}`);
    const rrsets = [addresses(mname, ['10.0.0.1']), addresses(`web.marathon.${zone}`, ['10.0.0.2'])];
    const { levels, body } = await buildSnapshot({ key, origin: zone, rrsets });
    const entries = [...(levels.run ? entriesOf(levels.run) : [])].map(({ entry }) => entry);
    const all = async function* (): AsyncGenerator<Entry> {
      yield* entries;
    };
    let text = '';
    const named = { ...body.zone, soa: { ...body.zone.soa, mname } };
    for await (const piece of enumerationOf(named, all)) text += piece;
    expect(text).toContain(`web.marathon.${zone}.`);
    expect(text).not.toContain(mname);
  });

  it('is refused where one request can not read all of it', async () => {
    const zone = 'huge.example';
    const rrsets = many(0, 600, 1).map((rrset) => ({
      ...rrset,
      owner: parseName(rrset.owner.replace(ORIGIN, zone)),
    }));
    const tiny = { ...limits, shardOctets: 128 };
    const { levels } = await publishToKv(env.SNAPSHOTS, { key, origin: zone, limits: tiny, rrsets });
    expect(levels.table.shards?.hashes.length).toBeGreaterThan(316);
    const response = await createEdge({ ZONES: zone, ...listing }).fetch('/v1/axfr');
    expect([response.status, await response.text()]).toEqual([501, expect.stringMatching(/too large/)]);
  });

  it('makes no more than is read, and stops when its reader goes', async () => {
    let made = 0;
    let ended = false;
    const texts = (async function* () {
      try {
        for (;;) {
          made++;
          yield 'x'.repeat(1024);
        }
      } finally {
        ended = true;
      }
    })();
    const reader = streamOf(texts, () => undefined).getReader();
    await reader.read();
    await reader.read();
    expect(made).toBeLessThan(200);
    await reader.cancel();
    expect(ended).toBe(true);
  });

  it('has a HEAD that reads no block', async () => {
    const get = vi.spyOn(env.SNAPSHOTS, 'get');
    const response = await edgeOf().fetch('/v1/axfr', { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(get.mock.calls.filter(([name]) => String(name).includes('/s/'))).toEqual([]);
  });
});
