import { beforeAll, afterAll, describe, expect, it, vi } from 'vitest';
import { encodeQuestion } from '../../message.ts';
import { getPath, postOf } from '../edge.ts';
import { createSigningKey, type TestKey } from '../publish-to-kv.ts';
import { createDoor, type Door, grant, tokenOf } from './door.ts';
import { createMemoryKv } from './memory-kv.ts';
import { GRANTS, publishViewAlone, publishWorld, START_MS, VIEWS, ZONES } from './world.ts';

/**
 * Credential × view × name × type × route. A view has to answer octet for octet as an open Worker does whose zones
 * never had more than the view shows.
 */

const NAMES = [
  ...['mesos', 'slave.mesos', 'leader.mesos', '_tcp.mesos', '_leader._tcp.mesos', 'nothing.mesos'],
  ...[
    'marathon.mesos',
    'web.marathon.mesos',
    'WEB.Marathon.mesos',
    'none.marathon.mesos',
    'below.web.marathon.mesos',
  ],
  ...[
    '_web._tcp.marathon.mesos',
    '_away._tcp.marathon.mesos',
    '_lab._tcp.marathon.mesos',
    '_tcp.marathon.mesos',
  ],
  ...['ptr.marathon.mesos', 'web-abcde-s0.marathon.slave.mesos', 'marathon.slave.mesos', 'none.slave.mesos'],
  ...['xmarathon.mesos', 'chronos.mesos', 'secret.chronos.mesos', 'secret-fghij-s0.chronos.slave.mesos'],
  ...['_secret._tcp.chronos.mesos', 'chronos.slave.mesos', 'box.lab.example', '_box._tcp.lab.example'],
  ...['dc1.mesos', 'box.dc1.mesos', 'shadowed.dc1.mesos', '_dc1._tcp.mesos', 'xdc1.mesos'],
  ...['lab.example', 'none.lab.example', 'example', 'www.example.org', '9.9.9.10.in-addr.arpa', 'localhost'],
];
const TYPES = { A: 1, AAAA: 28, SRV: 33, PTR: 12, SOA: 6, NS: 2, ANY: 255, AXFR: 252 };

type Ask = readonly [path: string, init?: RequestInit | undefined];
const JSON_HEADERS = { headers: { accept: 'application/dns-json' } };
/** Each way to ask for a name and a type. */
const ROUTES: Readonly<Record<string, (name: string, type: number) => Ask>> = {
  GET: (name, type) => [getPath(encodeQuestion({ name, type, id: 0 }))],
  'GET with EDNS': (name, type) => [getPath(encodeQuestion({ name, type, edns: 1232 }))],
  POST: (name, type) => ['/dns-query', postOf(encodeQuestion({ name, type }))],
  'JSON of /dns-query': (name, type) => [`/dns-query?name=${name}&type=${type}`, JSON_HEADERS],
  '/resolve': (name, type) => [`/resolve?name=${name}&type=${type}&do=1`],
};
const NAME_ROUTES: Readonly<Record<string, (name: string) => Ask>> = {
  '/v1/hosts': (name) => [`/v1/hosts/${name}`],
  '/v1/services': (name) => [`/v1/services/${name}`],
};
/** What tells of the whole zone. */
const ZONE_ASKS: readonly Ask[] = ['axfr', 'enumerate', 'config', 'version'].flatMap((kind) =>
  ['', '?zone=mesos', '?zone=lab.example', '?zone=x'].map((search): Ask => [`/v1/${kind}${search}`]),
);

const CREDENTIALS: Readonly<Record<string, (token: string, ask: Ask) => Ask>> = {
  path: (token, [path, init]) => [`/t/${token}${path}`, init],
  bearer: (token, ask) => withBearer(ask, `Bearer ${token}`),
  'path and bearer': (token, [path, init]) => withBearer([`/t/${token}${path}`, init], `bearer  ${token}`),
};

function withBearer([path, init = {}]: Ask, authorization: string): Ask {
  return [path, { ...init, headers: { ...(init.headers as Record<string, string>), authorization } }];
}

/** All asks, each with what it is. */
const ASKS: readonly [what: string, ask: Ask][] = [
  ...NAMES.flatMap((name) => [
    ...Object.entries(ROUTES).flatMap(([route, ask]) =>
      Object.entries(TYPES).map(([type, code]): [string, Ask] => [
        `${route} ${name} ${type}`,
        ask(name, code),
      ]),
    ),
    ...Object.entries(NAME_ROUTES).map(([route, ask]): [string, Ask] => [`${route} ${name}`, ask(name)]),
  ]),
  ...ZONE_ASKS.map((ask): [string, Ask] => [ask[0], ask]),
];

let key: TestKey;
let door: Door;
const alone = new Map<string, Door>();

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
  vi.spyOn(Math, 'random').mockReturnValue(0);
  vi.spyOn(console, 'log').mockReturnValue();
  key = await createSigningKey();
  const memory = createMemoryKv();
  await publishWorld(memory, key);
  await grant(memory, GRANTS, key);
  door = createDoor(memory, { ZONES, ACCESS: 'tokens', VERIFY_KEYS: key.publicKeyBase64 });
  for (const [name, view] of Object.entries(VIEWS)) {
    const store = createMemoryKv();
    const zones = await publishViewAlone(store, view, key);
    const ENUMERATION = view.enumeration ? 'on' : 'off';
    alone.set(name, createDoor(store, { ZONES: zones, ACCESS: 'open', ENUMERATION }));
  }
});
afterAll(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

type Said = { readonly status: number; readonly headers: Record<string, string>; readonly body: string };

async function said(from: Door | undefined, [path, init]: Ask): Promise<Said> {
  if (!from) throw new Error('no such view');
  const response = await from.fetch(path, init);
  const body = Buffer.from(await response.arrayBuffer()).toString('latin1');
  return { status: response.status, headers: Object.fromEntries(response.headers), body };
}

/** As the same would be said to everybody. */
function asOpen({ status, headers, body }: Said): Said {
  const { vary, ...rest } = headers;
  const cached = rest['cache-control'] ?? '';
  expect(cached).toMatch(/^(?:no-store|private, max-age=\d+)$/);
  expect(vary).toBe(cached === 'no-store' ? undefined : 'authorization, cookie');
  return { status, headers: { ...rest, 'cache-control': cached.replace('private, ', '') }, body };
}

/** A listing has no order, and may have what `publishViewAlone` adds; who may allow it is another. */
function withoutOrder(it: Said): Said {
  const records = it.body.match(/^"[^"]+":\[.*?\]|\{"name":"[^"]+","host":"[^"]+","rtype":"\w+"\}/gm) ?? [];
  const body = /^\{"(?:TTL|frameworks)"/.test(it.body)
    ? records.filter((record) => !record.includes('zz-below.')).toSorted()
    : [it.body.replace(/is off: .* allows it/, 'is off')];
  return { ...it, body: body.join('\n') };
}

describe.each(Object.keys(VIEWS))('the view %s', (view) => {
  it.each(Object.keys(CREDENTIALS))(
    'by %s says nothing that is not in it, to any question',
    async (credential) => {
      const carried = CREDENTIALS[credential] ?? ((_, ask) => ask);
      for (const [what, ask] of ASKS) {
        // An open Worker has one zone at least.
        if (view === 'nothing' && ask[0].startsWith('/v1/config')) continue;
        const theirs = withoutOrder(await said(alone.get(view), ask));
        const ours = withoutOrder(asOpen(await said(door, carried(tokenOf(view), ask))));
        expect({ what, ...ours }).toEqual({ what, ...theirs });
      }
    },
  );
});

it('a token’s own view goes before its team’s', async () => {
  for (const [what, ask] of ASKS.slice(0, 400)) {
    const theirs = await said(alone.get('names'), ask);
    const [path, init] = ask;
    const ours = asOpen(await said(door, [`/t/${tokenOf('override')}${path}`, init]));
    expect({ what, ...ours }).toEqual({ what, ...theirs });
  }
});

it('the table is one that could fail: views differ in what they say, and do say something', async () => {
  const answers = new Map<string, string>();
  for (const [view, from] of alone) {
    const bodies = [];
    for (const [, ask] of ASKS) bodies.push((await said(from, ask)).body);
    answers.set(view, bodies.join());
  }
  expect(new Set(answers.values()).size).toBe(answers.size);
  expect(ASKS.length).toBeGreaterThan(1_300);
});
