import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectSection } from '../../../worker/page/connect-section.ts';
import { createSigningKey, type TestKey } from '../publish-to-kv.ts';
import { createDoor, type Door, grant, tokenOf } from '../access/door.ts';
import { createMemoryKv, type MemoryKv } from '../access/memory-kv.ts';
import { GRANTS, publishWorld, START_MS, ZONES } from '../access/world.ts';
import { type Read, readPage } from './read-page.ts';

const MOBILE_CONFIG = '/connect/mesos-doh.mobileconfig';
const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const team = tokenOf('mesos');

let memory: MemoryKv;
let key: TestKey;
let door: Door;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
  vi.spyOn(console, 'log').mockReturnValue();
  vi.spyOn(console, 'warn').mockReturnValue();
  memory = createMemoryKv();
  key = await createSigningKey();
  await publishWorld(memory, key);
  await grant(memory, GRANTS, key);
  door = doorWith('tokens');
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function doorWith(ACCESS: string | undefined): Door {
  return createDoor(memory, {
    ZONES,
    VERIFY_KEYS: key.publicKeyBase64,
    ...(ACCESS !== undefined && { ACCESS }),
  });
}

async function open(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Read> {
  return readPage(await door.fetch(path, { headers: { ...BROWSER, ...headers } }));
}

describe('connecting a device', () => {
  it('has the visitor’s own URL, token included, and says what it is', async () => {
    const { texts, html } = await open(`/t/${team}/`);
    expect((await texts('.copy code'))[0]).toBe(`https://doh.example/t/${team}/dns-query`);
    expect(html).toContain('Your token is in it');
    // In `ps`, the history and sudo's log a command's words are for others to see.
    expect(
      (await texts('pre')).filter((command) => command.includes('sudo') && command.includes(team)),
    ).toEqual([]);
  });

  it.each([
    ['X11; Linux x86_64', 'Linux with systemd-resolved'],
    ['Windows NT 10.0', 'Windows'],
    ['Macintosh; Intel Mac OS X', 'iPhone, iPad, Mac'],
    ['Linux; Android 15', 'Android'],
  ])('shows first and open what suits %s', async (system, title) => {
    const { texts, attributes } = await open(`/t/${team}/`, { 'user-agent': `Mozilla/5.0 (${system})` });
    expect((await texts('section[aria-labelledby=connect] details summary'))[0]).toBe(title);
    const isOpen = (await attributes('section[aria-labelledby=connect] details')).map(
      (details) => 'open' in details,
    );
    expect(isOpen).toEqual([true, false, false, false, false, false]);
  });

  it('opens nothing for a system that is not known', async () => {
    const { attributes } = await open(`/t/${team}/`);
    expect(
      (await attributes('section[aria-labelledby=connect] details')).some((details) => 'open' in details),
    ).toBe(false);
  });

  it('asks for a token where the visitor came without one in the path', async () => {
    const { texts, html } = await open('/', { authorization: `Bearer ${team}` });
    expect((await texts('.copy code'))[0]).toBe('https://doh.example/t/TOKEN/dns-query');
    expect((await texts('.note')).join()).toContain('Put your token in place of TOKEN');
    expect(html).not.toContain(team);
    expect(html).not.toContain(MOBILE_CONFIG);
  });

  it('gives commands that say which zones, and whether other names are answered', async () => {
    const { texts } = await open(`/t/${team}/`);
    const url = `https://doh.example/t/${team}/dns-query`;
    expect(await texts('pre')).toEqual([
      'read -rs MESOS_DOH_URL && export MESOS_DOH_URL sudo --preserve-env=MESOS_DOH_URL mesos-doh connect systemd --zone mesos',
      `mesos-doh connect windows --url '${url}' --zone mesos`,
      'read -rs MESOS_DOH_URL && export MESOS_DOH_URL sudo --preserve-env=MESOS_DOH_URL mesos-doh connect firefox --zone mesos --no-forwards',
    ]);
  });

  it('tells who came by http that clients ask by https only', async () => {
    const target = { dohUrl: 'http://127.0.0.1:8787/dns-query', zones: ['mesos'], forwards: false };
    const section = connectSection({ target, lacksToken: false, system: 'linux', base: '' });
    const { texts, html } = await readPage(new Response(String(section)));
    expect((await texts('.note')).join()).toContain('docs/local-https.md');
    expect(html).not.toContain('<details');
  });
});

describe('the profile', () => {
  it('is made for the visitor’s URL, to be downloaded and not kept', async () => {
    const response = await door.fetch(`/t/${team}${MOBILE_CONFIG}`);
    expect([response.status, Object.fromEntries(response.headers)]).toEqual([
      200,
      {
        'content-type': 'application/x-apple-aspen-config',
        'content-disposition': 'attachment; filename="mesos-doh.mobileconfig"',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      },
    ]);
    const text = await response.text();
    expect(text).toContain(`<string>https://doh.example/t/${team}/dns-query</string>`);
    expect(text).toContain('<string>mesos</string>');
    // A zone that the view has not is not told.
    expect(text).not.toContain('lab.example');
  });

  it('is linked where it is', async () => {
    const { attributes } = await open(`/t/${team}/`);
    const links = (await attributes('a[download]')).map(({ href }) => href);
    expect(links).toEqual([`/t/${team}${MOBILE_CONFIG}`]);
  });

  it('is there for all where all may ask', async () => {
    const text = await (await doorWith('open').fetch(MOBILE_CONFIG)).text();
    expect(text).toContain('<string>https://doh.example/dns-query</string>');
  });

  it('answers HEAD', async () => {
    const response = await door.fetch(`/t/${team}${MOBILE_CONFIG}`, { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it.each([
    ['without a token in the path', MOBILE_CONFIG, { authorization: `Bearer ${team}` }],
    ['by POST', `/t/${team}${MOBILE_CONFIG}`, undefined],
    ['for a view without a zone', `/t/${tokenOf('nothing')}${MOBILE_CONFIG}`, {}],
    ['under another name', `/t/${team}/connect/constructor`, {}],
    ['below itself', `/t/${team}${MOBILE_CONFIG}/`, {}],
  ])('is not there %s', async (_, path, headers) => {
    const response = await door.fetch(path, headers ? { headers } : { method: 'POST' });
    expect([response.status, await response.text()]).toEqual([404, 'There is nothing here.\n']);
  });

  it('is for nobody without a credential', async () => {
    expect((await door.fetch(MOBILE_CONFIG)).status).toBe(401);
    expect((await door.fetch(`/t/${tokenOf('stranger')}${MOBILE_CONFIG}`)).status).toBe(401);
  });
});

describe('a view', () => {
  it('of a part of a zone says so, lists that part, and tells nothing of the rest', async () => {
    const { texts, html } = await open(`/t/${tokenOf('framework')}/`);
    expect((await texts('.card dd'))[2]).toBe('a part');
    expect(await texts('section[aria-labelledby=services] details summary')).toEqual([
      expect.stringMatching(/^marathon/),
    ]);
    expect(html).not.toMatch(/chronos|secret|lab\.example|id="changes"/);
  });

  it('that may not list says what would allow it', async () => {
    const { texts } = await open(`/t/${tokenOf('names')}/`);
    expect((await texts('.soft')).join()).toContain('`enumeration` in the view of your team allows it');
  });

  it('without a zone says so', async () => {
    const { texts, html } = await open(`/t/${tokenOf('nothing')}/`);
    expect(await texts('h1')).toEqual(['Nothing to answer from']);
    expect(html).not.toContain('id="zones"');
  });
});

describe('a stranger in a browser', () => {
  const of = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown[]> => {
    const response = await door.fetch(path, { headers: { ...BROWSER, ...headers } });
    return [response.status, Object.fromEntries(response.headers), await response.text()];
  };

  it('is told that a token is needed and how to use it, and nothing else', async () => {
    const { response, texts, html } = await open('/');
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await texts('h1')).toEqual(['A token is needed']);
    expect(html).toContain('/t/TOKEN/dns-query');
    expect(html).not.toMatch(/mesos|doh\.example|lab\.example|zone|serial|<script/i);
  });

  it('gets the same octets whatever the credential, the query and the state', async () => {
    const [first, ...others] = [
      await of('/'),
      await of('/?name=web.marathon.mesos'),
      await of(`/t/${tokenOf('stranger')}/`),
      await of(`/t/${tokenOf('expired')}/`),
      await of('/t/x/?filter=y'),
      await of('/', { authorization: `Bearer ${tokenOf('stranger')}` }),
      await of('/', { authorization: 'Basic eDp5' }),
      await of('/', { 'cf-access-jwt-assertion': 'x.y.z' }),
      await of('/', { 'user-agent': 'Mozilla/5.0 (iPhone)' }),
    ];
    for (const other of others) expect(other).toEqual(first);
    memory.values.clear();
    door = doorWith('tokens');
    expect(await of('/')).toEqual(first);
  });

  it.each([
    ['text/html;q=0.5, text/plain', 'text/plain; charset=utf-8'],
    ['*/*', 'text/plain; charset=utf-8'],
    ['application/json', 'text/plain; charset=utf-8'],
    ['text/htmlx', 'text/plain; charset=utf-8'],
    ['text/html', 'text/html; charset=utf-8'],
    ['Text/HTML , */*;q=0.1', 'text/html; charset=utf-8'],
  ])('is what accepts %s: %s', async (accept, type) => {
    const response = await door.fetch('/', { headers: { accept } });
    expect([response.status, response.headers.get('content-type')]).toEqual([401, type]);
  });

  it('gets text everywhere but at the page, and no body by HEAD', async () => {
    for (const path of ['/dns-query', '/resolve?name=mesos', '/v1/axfr', MOBILE_CONFIG, '/x'])
      expect((await door.fetch(path, { headers: BROWSER })).headers.get('content-type')).toMatch(
        /^text\/plain/,
      );
    const head = await door.fetch('/', { method: 'HEAD', headers: BROWSER });
    expect([head.status, await head.text()]).toEqual([401, '']);
  });

  it('is told where all is closed', async () => {
    door = doorWith(undefined);
    const { response, texts, html } = await open('/');
    expect(response.status).toBe(403);
    expect(await texts('h1')).toEqual(['Closed']);
    expect(await texts('.hero p')).toEqual(['This resolver is closed: ACCESS is not set.']);
    expect(html).not.toMatch(/mesos|TOKEN/);
    const plain = await door.fetch('/');
    expect(await plain.text()).toBe('This resolver is closed: ACCESS is not set.\n');
  });
});
