import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { Buffer } from 'node:buffer';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { answering, createFakeUpstreams, type Play } from '../fakes/upstream.ts';
import { createEdge, type Variables } from './edge.ts';
import { addresses, createSigningKey, publishToKv, services } from './publish-to-kv.ts';

/** The page as a browser reads it. */
type Page = {
  readonly response: Response;
  readonly html: string;
  /** The cells of each row of each table. */
  readonly rows: readonly (readonly string[])[];
  readonly heading: string;
  readonly elements: ReadonlySet<string>;
  /** Attributes of the name's input, and the type that is selected. */
  readonly input: Readonly<Record<string, string>>;
  readonly selected: string;
};

beforeAll(async () => {
  await publishToKv(env.SNAPSHOTS, {
    ...{ key: await createSigningKey(), serial: 7 },
    rrsets: [
      addresses('web.mesos', ['10.0.0.1', '10.0.0.2'], 42),
      addresses('two words.mesos', ['10.0.0.3']),
      addresses('ü\\.x.mesos', ['10.0.0.4']),
      services('_web._tcp.mesos', ['web.mesos:31080'], 42),
    ],
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});
afterAll(async () => {
  await reset();
});

async function open(query: Readonly<Record<string, string>> = {}, variables: Variables = {}): Promise<Page> {
  const response = await createEdge(variables).fetch(`/?${new URLSearchParams(query)}`);
  const html = await response.text();
  const elements = new Set<string>();
  const rows: string[][] = [];
  const input: Record<string, string> = {};
  const texts = { heading: '', selected: '' };
  const rewriter = new HTMLRewriter()
    .on('*', { element: ({ tagName }) => void elements.add(tagName) })
    .on('tbody tr', { element: () => void rows.push([]) })
    .on('tbody td', {
      element: () => void rows.at(-1)?.push(''),
      text: ({ text }) => {
        const cells = rows.at(-1);
        if (cells) cells.push(`${cells.pop()}${plain(text)}`);
      },
    })
    .on('h3', { text: ({ text }) => void (texts.heading += plain(text)) })
    .on('option[selected]', { text: ({ text }) => void (texts.selected += text) })
    .on('input[name=name]', {
      element: ({ attributes }) => {
        for (const [name = '', value = ''] of attributes) input[name] = plain(value);
      },
    });
  await rewriter.transform(new Response(html)).text();
  return { response, html, rows, heading: texts.heading.trim(), elements, input, selected: texts.selected };
}

/** HTMLRewriter leaves entities as they stand. */
function plain(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}

describe('the page', () => {
  it('shows the zones, and warns that it is open', async () => {
    const { response, html, rows, heading } = await open();
    expect(response.status).toBe(200);
    expect(rows).toEqual([['mesos', 'ok', '7', expect.stringMatching(/^\d+ s$/), '']]);
    expect(heading).toBe('');
    expect(html).toContain('Anybody who can reach this address may ask it');
    expect(html).toContain('https://doh.example/dns-query');
    expect(html).not.toContain('web.mesos');
  });

  it('loads nothing, runs nothing, and is not kept', async () => {
    const { response, elements } = await open({ name: 'web.mesos' });
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    const policy = headers['content-security-policy']?.split('; ');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("form-action 'self'");
    expect(policy?.join()).not.toMatch(/script-src|https?:|\*/);
    for (const active of ['script', 'img', 'link', 'iframe', 'object', 'base'])
      expect(elements).not.toContain(active);
  });

  it('shows a zone without a snapshot', async () => {
    vi.spyOn(console, 'warn').mockReturnValue();
    const { rows } = await open({}, { ZONES: 'mesos,none.example' });
    const why = 'head: is not there: no snapshot has been published yet';
    expect(rows).toContainEqual(['none.example', 'no snapshot yet', '–', '–', why]);
    expect((await open({ name: 'a.none.example' }, { ZONES: 'none.example' })).heading).toBe(
      'a.none.example A: SERVFAIL',
    );
    vi.restoreAllMocks();
  });
});

it('the page shows what is held, pinned and amiss, in numbers', async () => {
  const key = await createSigningKey();
  const rrsets = [addresses('web.held.example', ['10.0.0.1'])];
  const held = { names: 12, sinceSeconds: 0, memory: new TextEncoder().encode('web.held.example') };
  await publishToKv(env.SNAPSHOTS, { key, rrsets, origin: 'held.example', held, pin: 5 });
  const { rows, html } = await open({}, { ZONES: 'held.example' });
  expect(rows[0]?.[4]).toMatch(/^held: 12 names for \d+ s; pinned: 5$/);
  expect(html).not.toContain('web.held');
});

describe('a look-up on the page', () => {
  it.each([
    ['A', 'web.mesos', ['10.0.0.1', '10.0.0.2']],
    ['SRV', '_web._tcp.mesos', ['0 1 31080 web.mesos.']],
    ['NS', 'mesos', ['ns1.mesos.']],
    ['SOA', 'mesos', ['ns1.mesos. root.ns1.mesos. 7 60 600 86400 10']],
  ])('shows %s of %s readably', async (type, name, data) => {
    const { rows, heading, input, selected } = await open({ name, type });
    expect(heading).toBe(`${name} ${type}: NOERROR`);
    expect(
      rows
        .slice(1)
        .map((cells) => cells[3])
        .toSorted(),
    ).toEqual(data);
    for (const cells of rows.slice(1)) {
      expect(cells.slice(0, 3)).toEqual([name, expect.stringMatching(/^(?:42|60) s$/), type]);
    }
    expect([input['value'], selected]).toEqual([name, type]);
  });

  it.each([
    ['nothing.mesos', 'A', 'nothing.mesos A: NXDOMAIN'],
    ['web.mesos', 'TXT', 'web.mesos TXT: NODATA: the name exists, it has no TXT'],
    ['_tcp.mesos', 'A', '_tcp.mesos A: NODATA: the name exists, it has no A'],
    ['example.com', 'A', 'example.com A: REFUSED'],
    ['.', 'NS', '. NS: REFUSED'],
    ['web.mesos.', 'aaaa', 'web.mesos. AAAA: NODATA: the name exists, it has no AAAA'],
  ])('says what %s %s comes to', async (name, type, heading) => {
    expect((await open({ name, type })).heading).toBe(heading);
  });

  it.each(['NAPTR', 'TYPE65280', 'nonsense', '<b>', '', 'ANY', 'OPT'])(
    'takes type %j for A',
    async (type) => {
      const { heading, selected } = await open({ name: 'web.mesos', type });
      expect([heading, selected]).toEqual(['web.mesos A: NOERROR', 'A']);
    },
  );

  it.each([
    ['a..mesos', /empty label/],
    ['.mesos', /empty label/],
    [`${'a'.repeat(64)}.mesos`, /label of 64 octets/],
    [`${'ä'.repeat(32)}.mesos`, /label of 64 octets/],
    [Array.from({ length: 130 }, () => 'a').join('.'), /261 octets|too long|octets long/],
    ['bad\\escape\\', /bad escape/],
    ['\\999.mesos', /bad escape/],
  ])('says what is wrong with %s', async (name, reason) => {
    const { response, heading, input } = await open({ name });
    expect(response.status).toBe(200);
    expect(heading).toMatch(reason);
    expect(input['value']).toBe(name);
  });

  it.each([
    ['two words.mesos', '10.0.0.3'],
    ['TWO words.mesos', '10.0.0.3'],
    ['two\\032words.mesos', '10.0.0.3'],
    ['ü\\.x.mesos', '10.0.0.4'],
  ])('finds %s', async (name, address) => {
    const { rows, heading } = await open({ name });
    expect(heading).toBe(`${name} A: NOERROR`);
    expect(rows[1]?.[3]).toBe(address);
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
    for (const query of [{ name }, { name, type: name }, { name: 'web.mesos', type: name, other: name }]) {
      const { elements, input, html, heading } = await open(query);
      for (const active of ['script', 'svg', 'b']) expect(elements).not.toContain(active);
      expect(Object.keys(input).toSorted()).toEqual(['name', 'placeholder', 'required', 'value']);
      expect(html).toMatch(/<\/main>\s*<\/body>\s*<\/html>$/);
      if (query.name !== name) continue;
      expect(input['value']).toBe(name);
      expect(heading.startsWith(name)).toBe(true);
    }
  });

  const UPSTREAM = 'https://one.example/';
  const forwarded = async (play: Play, type = 'A'): Promise<Page> => {
    vi.stubGlobal('fetch', createFakeUpstreams({ [UPSTREAM]: play }).fetch);
    return open({ name: 'www.example.com', type }, { UPSTREAMS: UPSTREAM });
  };

  it('shows what an upstream said as text', async () => {
    const evil = '<img src=x onerror=alert(1)>';
    const { rows, elements } = await forwarded(
      answering([{ name: 'www.example.com', type: 'TXT', ttl: 5, data: [evil, Buffer.from([0xff, 0x22])] }]),
      'TXT',
    );
    expect(rows[1]?.slice(0, 3)).toEqual(['www.example.com', '5 s', 'TXT']);
    expect(rows[1]?.[3]).toContain(evil);
    expect(elements).not.toContain('img');
  });

  it('survives an upstream whose reply can not be read', async () => {
    const loop: Play = answering([{ name: 'www.example.com', type: 'NS', ttl: 5, data: 'x' }], {
      // The name of the record's data becomes a pointer to itself.
      spoil: (octets) => Buffer.concat([octets.subarray(0, -3), Buffer.from([0xc0, octets.length - 3, 0])]),
    });
    const { response, heading } = await forwarded(loop, 'NS');
    expect(response.status).toBe(200);
    expect(heading).toMatch(/^www\.example\.com NS: /);
  });
});
