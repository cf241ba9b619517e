import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { Buffer } from 'node:buffer';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { COPY_SCRIPT, COPY_SCRIPT_HASH } from '../../../worker/page/copy-script.ts';
import { STYLE, STYLE_HASH } from '../../../worker/page/style.ts';
import { answering, createFakeUpstreams, type Play } from '../../fakes/upstream.ts';
import { createEdge, type Variables } from '../edge.ts';
import { addresses, createSigningKey, publishToKv, services } from '../publish-to-kv.ts';
import { type Read, readPage } from './read-page.ts';

const EVIL = '<img src=x onerror=alert(1)>';

beforeAll(async () => {
  await publishToKv(env.SNAPSHOTS, {
    ...{ key: await createSigningKey(), serial: 7 },
    rrsets: [
      addresses('web.mesos', ['10.0.0.1', '10.0.0.2'], 42),
      addresses('web6.mesos', ['2001:db8::1']),
      addresses('two words.mesos', ['10.0.0.3']),
      addresses('ü\\.x.mesos', ['10.0.0.4']),
      addresses('api.marathon.mesos', ['10.0.0.5', '10.0.0.6']),
      services('_api._tcp.marathon.mesos', ['api.marathon.mesos:31000', 'api.marathon.mesos:31001']),
      services('_web._tcp.mesos', ['web.mesos:31080'], 42),
      services('_web6._tcp.mesos', ['web6.mesos:80']),
      services('_web._udp.mesos', ['web.mesos:53'], 42),
      services('_lost._tcp.mesos', ['elsewhere.example:1'], 42),
      addresses(`${EVIL.replaceAll('.', '\\.')}.marathon.mesos`, ['10.0.0.7']),
    ],
    churn: { sinceSeconds: 0, halfHours: [] },
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});
afterAll(async () => {
  await reset();
});

async function open(query: Readonly<Record<string, string>> = {}, variables: Variables = {}): Promise<Read> {
  return readPage(await createEdge(variables).fetch(`/?${new URLSearchParams(query)}`));
}

describe('what is typed', () => {
  it.each<[string, string, string]>([
    [' web.mesos ', 'A', 'web.mesos'],
    ['http://web.mesos:31000/path?x=1', 'A', 'web.mesos'],
    ['https://user@web.mesos/', 'A', 'web.mesos'],
    ['http://[2001:db8::1]:80/', 'PTR', '2001:db8::1'],
  ])('%j %s is asked as %s', async (typed, type, name) => {
    const { texts, html } = await open({ name: typed, type });
    expect((await texts('.answer h3'))[0]).toBe(`${name} ${type}`);
    if (type === 'A') expect(html).toContain('10.0.0.1');
  });

  it('is an address with PTR: the name of it in the reverse zone is asked', async () => {
    const variables = { ZONES: 'mesos, 10.in-addr.arpa' };
    expect(await (await open({ name: '10.0.0.1', type: 'PTR' }, variables)).texts('.answer b')).toContain(
      'SERVFAIL',
    );
  });
});

describe('the page', () => {
  it('says at a glance how all is, by a shape and by words', async () => {
    const { response, html, texts, attributes } = await open();
    expect(response.status).toBe(200);
    expect(await texts('h1')).toEqual(['Answering, up to date']);
    expect((await texts('.hero p'))[0]).toMatch(/^mesos · serial 7 · \d+ s ago$/);
    expect((await attributes('.hero > svg'))[0]).toMatchObject({ class: 'icon good', 'aria-hidden': 'true' });
    expect(html).toContain('Anybody who can reach this address may ask it');
    expect(await texts('.card dd')).toEqual(['7', expect.stringMatching(/^\d+ s ago$/), 'all names']);
    expect(await texts('h3')).toEqual(['mesos']);
    expect(html).not.toContain('web.mesos<');
  });

  it('has landmarks, headings in order, a skip link, and a label for each field', async () => {
    const { texts, attributes } = await open({ name: 'web.mesos' }, { ENUMERATION: 'on' });
    for (const landmark of ['header', 'nav', 'main', 'footer'])
      expect([landmark, (await texts(landmark)).length]).toEqual([landmark, 1]);
    expect((await attributes('.skip'))[0]).toMatchObject({ href: '#main' });
    expect(await texts('h2')).toEqual([
      ...['Zones', 'Look up', 'Services', 'Changes of the last day', 'Connect this device'],
    ]);
    const fields = [...(await attributes('input')), ...(await attributes('select'))];
    const labelled = [...(await attributes('label input')), ...(await attributes('label select'))];
    expect(labelled).toEqual(fields);
    expect(fields).toHaveLength(3);
  });

  it('lets in its own script and style and nothing else, and is not kept', async () => {
    const { response, attributes, texts, html } = await open({ name: 'web.mesos' });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    const policy = response.headers.get('content-security-policy')?.split('; ');
    const hashOf = async (text = ''): Promise<string> => {
      const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
      return `sha256-${Buffer.from(digest).toString('base64')}`;
    };
    const [script] = /(?<=<script>).*?(?=<\/script>)/s.exec(html) ?? [];
    const [style] = /(?<=<style>).*?(?=<\/style>)/s.exec(html) ?? [];
    expect(policy).toContain(`script-src '${await hashOf(script)}'`);
    expect(policy).toContain(`style-src '${await hashOf(style)}'`);
    expect([COPY_SCRIPT_HASH, STYLE_HASH]).toEqual([await hashOf(COPY_SCRIPT), await hashOf(STYLE)]);
    expect(policy?.join()).not.toMatch(/unsafe|https?:|\*/);
    expect((await texts('script')).length).toBe(1);
    for (const active of ['img', 'link', 'iframe', 'object', 'base', '[style]', '[onclick]'])
      expect([active, await attributes(active)]).toEqual([active, []]);
  });

  it('has a copy button that only script shows', async () => {
    const { attributes } = await open();
    expect(await attributes('button[data-copy]')).toEqual([
      { type: 'button', 'data-copy': '', hidden: '', 'aria-live': 'polite' },
    ]);
  });

  it('answers HEAD with the same headers and no body', async () => {
    const edge = createEdge();
    const [get, head] = [await edge.fetch('/'), await edge.fetch('/', { method: 'HEAD' })];
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
    expect(Object.fromEntries(head.headers)).toEqual(Object.fromEntries(get.headers));
  });

  it('says of a zone without a snapshot what that means, and why', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    const { texts, html } = await open(
      { name: 'a.none.example' },
      { ZONES: 'none.example', ENUMERATION: 'on' },
    );
    expect(await texts('h1')).toEqual(['Not answering yet']);
    expect((await texts('.states'))[0]).toMatch(/Not ready\..*SERVFAIL.*no snapshot has been published yet/);
    expect(html).toContain('docs/deploy-agent.md');
    expect((await texts('.answer b'))[0]).toBe('SERVFAIL');
    expect((await texts('.answer .soft'))[0]).toMatch(/^Not ready: /);
    expect((await texts('.soft')).join()).toContain('Nothing to list: no snapshot can be read yet');
    vi.restoreAllMocks();
  });

  it('says of several zones how many are in the worst state', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    const { texts } = await open({}, { ZONES: 'mesos,none.example' });
    expect(await texts('h1')).toEqual(['Not answering yet']);
    expect((await texts('.hero p'))[0]).toBe('Not ready: 1 of 2 zones');
    expect(await texts('.card > h3')).toEqual(['none.example', 'mesos']);
    vi.restoreAllMocks();
  });

  it('shows what is held back and pinned in numbers, without a name', async () => {
    const key = await createSigningKey();
    const rrsets = [addresses('web.held.example', ['10.0.0.1'])];
    const held = { names: 12, sinceSeconds: 0, memory: new TextEncoder().encode('web.held.example') };
    await publishToKv(env.SNAPSHOTS, { key, rrsets, origin: 'held.example', held, pin: 5 });
    const { texts, html } = await open({}, { ZONES: 'held.example' });
    expect(await texts('h1')).toEqual(['Answering from a rollback']);
    const states = (await texts('.states li')).join('\n');
    expect(states).toMatch(/^Pinned\..*serial 5.*\nHeld back\. 12 names.*\nUp to date\./);
    expect(html).not.toContain('web.held');
  });

  it.each([
    [1_000, 'Answering from an old snapshot', 'Stale.'],
    [700_000, 'Not answering any more', 'Expired.'],
  ])('of a snapshot %d s old says %s', async (ageSeconds, headline, word) => {
    const origin = `old${ageSeconds}.example`;
    const createdAtMs = Date.now() - ageSeconds * 1000;
    await publishToKv(env.SNAPSHOTS, { key: await createSigningKey(), rrsets: [], origin, createdAtMs });
    const { texts } = await open({}, { ZONES: origin });
    expect(await texts('h1')).toEqual([headline]);
    expect((await texts('.states b'))[0]).toBe(word);
  });
});

describe('a look-up on the page', () => {
  const cells = async (read: Read): Promise<string[][]> => {
    const all = await read.texts('.answer tbody td');
    return Array.from({ length: all.length / 3 }, (_, i) => all.slice(i * 3, i * 3 + 3));
  };
  /** What it came to, and the sentence that says so. */
  const outcome = async ({ texts }: Read): Promise<string> => (await texts('.answer > p'))[0] ?? '';

  it.each([
    [
      'A',
      'web.mesos',
      [
        ['10.0.0.1', 'A', '42 s'],
        ['10.0.0.2', 'A', '42 s'],
      ],
    ],
    ['SRV', '_web._tcp.mesos', [['web.mesos:31080 10.0.0.1, 10.0.0.2 · try as http', 'SRV', '42 s']]],
    ['SRV', '_web._udp.mesos', [['web.mesos:53 10.0.0.1, 10.0.0.2', 'SRV', '42 s']]],
    ['SRV', '_lost._tcp.mesos', [['elsewhere.example:1 no address', 'SRV', '42 s']]],
    ['NS', 'mesos', [['ns1.mesos.', 'NS', '60 s']]],
    [
      'ANY',
      'web.mesos',
      [
        ['10.0.0.1', 'A', '42 s'],
        ['10.0.0.2', 'A', '42 s'],
      ],
    ],
  ])('shows %s of %s as a person reads it', async (type, name, rows) => {
    const read = await open({ name, type });
    const sorted = (await cells(read))
      .toSorted()
      .map(([value = '', ...rest]) => [value.replace('10.0.0.2, 10.0.0.1', '10.0.0.1, 10.0.0.2'), ...rest]);
    expect(sorted).toEqual(rows);
    expect(await outcome(read)).toMatch(/^NOERROR \d values?$/);
    expect((await read.texts('.answer .soft')).at(-1)).toMatch(
      /^From zone mesos, serial 7, vouched for \d+ s ago$/,
    );
    expect((await read.attributes('input[name=name]'))[0]?.['value']).toBe(name);
    expect(await read.texts('option[selected]')).toEqual([type]);
  });

  it('spells an SOA out', async () => {
    const [[value] = []] = await cells(await open({ name: 'mesos', type: 'SOA' }));
    expect(value).toBe(
      'ns1.mesos. mailbox root.ns1.mesos. serial 7 refresh 60 retry 600 expire 86400 negative TTL 10',
    );
  });

  it('leads from a service to its targets, and to a page that may be there', async () => {
    const { attributes } = await open({ name: '_web6._tcp.mesos', type: 'SRV' });
    const links = (await attributes('.answer a')).map(({ href }) => href);
    expect(links).toEqual(['/?name=web6.mesos.&type=A#look-up', 'http://[2001:db8::1]:80/']);
  });

  it.each([
    ['nothing.mesos', 'A', /^NXDOMAIN No such name/],
    ['web.mesos', 'TXT', /^NODATA The name is there, and has no TXT\.$/],
    ['_tcp.mesos', 'ANY', /^NODATA The name is there, and has no records\.$/],
    ['example.com', 'A', /^REFUSED Not answered here/],
    ['.', 'NS', /^REFUSED /],
    ['web.mesos.', 'aaaa', /^NODATA .*no AAAA/],
    ['web.mesos', 'https', /^NODATA .*no HTTPS/],
  ])('says what %s %s comes to', async (name, type, says) => {
    expect(await outcome(await open({ name, type }))).toMatch(says);
  });

  it('gives extended errors in words', async () => {
    const { texts } = await open({ name: 'example.com' });
    expect((await texts('.answer .soft'))[0]).toBe(
      'Not allowed: only names of our own zones are answered here',
    );
  });

  it.each(['NAPTR', 'TYPE65280', 'nonsense', '<b>', '', 'OPT'])('takes type %j for A', async (type) => {
    const read = await open({ name: 'web.mesos', type });
    expect(await read.texts('option[selected]')).toEqual(['A']);
    expect(await cells(read)).toHaveLength(2);
  });

  it.each([
    ['a..mesos', /empty label/],
    ['.mesos', /empty label/],
    [`${'a'.repeat(64)}.mesos`, /label of 64 octets/],
    [Array.from({ length: 130 }, () => 'a').join('.'), /261 octets|too long|octets long/],
    ['bad\\escape\\', /bad escape/],
    ['\\999.mesos', /bad escape/],
  ])('says what is wrong with %s', async (name, reason) => {
    const read = await open({ name });
    expect(read.response.status).toBe(200);
    expect(await outcome(read)).toMatch(/^Not a name/);
    expect(await outcome(read)).toMatch(reason);
    expect((await read.attributes('input[name=name]'))[0]?.['value']).toBe(name);
  });

  it.each([
    ['two words.mesos', '10.0.0.3'],
    ['TWO words.mesos', '10.0.0.3'],
    ['two\\032words.mesos', '10.0.0.3'],
    ['ü\\.x.mesos', '10.0.0.4'],
  ])('finds %s', async (name, address) => {
    const [[value] = []] = await cells(await open({ name }));
    expect(value?.endsWith(address)).toBe(true);
  });

  it.each([
    '<script>alert(1)</script>',
    '"><script>alert(1)</script>.mesos',
    '" onfocus="alert(1)" autofocus="',
    "' onfocus='alert(1)",
    '</title><svg onload=alert(1)>',
    '&lt;b&gt;.mesos',
    '<!--',
    '{{7*7}}${7*7}',
  ])('shows %s as it is', async (name) => {
    const usual = await open({ name: 'web.mesos', filter: 'web' }, { ENUMERATION: 'on' });
    const fields = async (read: Read): Promise<string[][]> =>
      (await read.attributes('input')).map((attributes) => Object.keys(attributes));
    for (const query of [{ name }, { name, type: name }, { name: 'web.mesos', filter: name, other: name }]) {
      const read = await open(query, { ENUMERATION: 'on' });
      expect((await read.texts('script')).length).toBe(1);
      expect(await read.attributes('svg[onload]')).toEqual([]);
      expect(await fields(read)).toEqual(await fields(usual));
      expect(read.html).toMatch(/<\/body>\s*<\/html>$/);
      const values = (await read.attributes('input')).map(({ value }) => value);
      expect(values).toContain(name);
      if (query.name === name) expect((await read.texts('.answer h3'))[0]?.startsWith(name)).toBe(true);
    }
  });

  const UPSTREAM = 'https://one.example/';
  const forwarded = async (play: Play, type = 'A'): Promise<Read> => {
    vi.stubGlobal('fetch', createFakeUpstreams({ [UPSTREAM]: play }).fetch);
    return open({ name: 'www.example.com', type }, { UPSTREAMS: UPSTREAM });
  };

  it('shows what an upstream said as text, and no zone that it is from', async () => {
    const read = await forwarded(
      answering([{ name: 'www.example.com', type: 'TXT', ttl: 5, data: [EVIL, Buffer.from([0xff, 0x22])] }]),
      'TXT',
    );
    const [[value, type, ttl] = []] = await cells(read);
    expect([value?.includes(EVIL), type, ttl]).toEqual([true, 'TXT', '5 s']);
    expect(await read.attributes('img')).toEqual([]);
    expect((await read.texts('.answer .soft')).join()).not.toContain('From zone');
  });

  it('links to nothing but a port of an address, whatever an upstream names', async () => {
    const target = '"onclick="x.example';
    const read = await forwarded(
      answering([
        { name: 'www.example.com', type: 'SRV', ttl: 5, data: { priority: 1, weight: 9, port: 80, target } },
      ]),
      'SRV',
    );
    const [[value] = []] = await cells(read);
    expect(value).toContain('priority 1 · weight 9');
    for (const link of await read.attributes('.answer a')) {
      expect(Object.keys(link)).toEqual(['href']);
      expect(link['href']).toMatch(/^\/\?name=/);
    }
  });

  it('survives an upstream whose reply can not be read', async () => {
    const loop: Play = answering([{ name: 'www.example.com', type: 'NS', ttl: 5, data: 'x' }], {
      // The name of the record's data becomes a pointer to itself.
      spoil: (octets) => Buffer.concat([octets.subarray(0, -3), Buffer.from([0xc0, octets.length - 3, 0])]),
    });
    expect((await forwarded(loop, 'NS')).response.status).toBe(200);
  });
});

describe('the services', () => {
  it('are listed by framework, each with the way to its look-up', async () => {
    const { texts, attributes } = await open({}, { ENUMERATION: 'on' });
    const summaries = await texts('section[aria-labelledby=services] details summary');
    expect(summaries).toEqual(['marathon 2', 'x 1']);
    const links = (await attributes('.services a')).map(({ href }) => href);
    expect(links).toContain('/?name=api.marathon.mesos&type=A#look-up');
    expect(links).toContain('/?name=_api._tcp.marathon.mesos&type=SRV#look-up');
    expect((await texts('.services li')).some((text) => /^api .*tcp 31000 31001$/.test(text))).toBe(true);
  });

  it('can be filtered without script, and all be shown again', async () => {
    const { texts, attributes } = await open({ filter: 'API' }, { ENUMERATION: 'on' });
    expect((await texts('.services li')).map((text) => text.split(' ')[0])).toEqual(['api']);
    expect((await attributes('form a'))[0]?.['href']).toBe('/#services');
    const none = await open({ filter: 'nowhere' }, { ENUMERATION: 'on' });
    expect((await none.texts('.soft')).join()).toContain('No name here has that in it');
  });

  it('are not listed where names may not be', async () => {
    const { texts, html } = await open();
    expect((await texts('.soft')).join()).toContain('the variable ENUMERATION=on allows it');
    expect(html).not.toContain('marathon');
  });

  it('show a name that looks like markup as text', async () => {
    const { attributes, html } = await open({}, { ENUMERATION: 'on' });
    expect(html).toContain('&lt;img');
    expect(await attributes('img')).toEqual([]);
  });

  it('of an empty zone are a sentence', async () => {
    await publishToKv(env.SNAPSHOTS, { key: await createSigningKey(), rrsets: [], origin: 'empty.example' });
    const { texts } = await open({}, { ZONES: 'empty.example', ENUMERATION: 'on' });
    expect((await texts('.soft')).join()).toContain('Nothing to list');
  });
});
