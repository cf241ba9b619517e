import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError } from '../../sync-agent/config.ts';
import {
  createHostResolver,
  createHostsFileResolver,
  type HostResolver,
  type LookupAddresses,
} from '../../sync-agent/hosts.ts';

const signal = new AbortController().signal;

describe('host names', () => {
  it('have their addresses, canonical, sorted and each once; those without are left out', async () => {
    const { resolve } = open(async (name) => {
      if (name === 'gone') throw new Error('ENOTFOUND');
      if (name === 'odd') return ['fe80::1%eth0', 'x'];
      return name === 'none' ? [] : ['10.0.0.2', '2001:DB8::1', '::ffff:10.0.0.1', '10.0.0.2'];
    });
    expect(await resolve('a', 'gone', 'none', 'odd')).toEqual({ a: ['10.0.0.1', '10.0.0.2', '2001:db8::1'] });
    expect(await resolve()).toEqual({});
  });

  it('are asked again after a minute, not before', async () => {
    const { resolve, asked, wait } = open(async () => ['10.0.0.1']);
    await resolve('a', 'b');
    await resolve('a', 'b');
    wait(59_999);
    await resolve('a');
    expect(asked).toEqual(['a', 'b']);
    wait(1);
    await resolve('a');
    expect(asked).toEqual(['a', 'b', 'a']);
  });

  it('have their new addresses when they change', async () => {
    let addresses = ['10.0.0.1'];
    const { resolve, wait } = open(async () => addresses);
    await resolve('a');
    addresses = ['10.0.0.2'];
    expect(await resolve('a')).toEqual({ a: ['10.0.0.1'] });
    wait(60_000);
    expect(await resolve('a')).toEqual({ a: ['10.0.0.2'] });
  });

  it.each<[string, LookupAddresses]>([
    ['fails', () => Promise.reject(new Error('SERVFAIL'))],
    ['gives nothing', async () => []],
    ['gives no addresses', async () => ['fe80::1%eth0']],
    ['never ends', () => new Promise(() => undefined)],
  ])('keep the last good addresses while the look-up %s, and are asked again each time', async (_, fails) => {
    let lookup: LookupAddresses = async () => ['10.0.0.1'];
    const { resolve, asked, wait } = open((name) => lookup(name), 20);
    await resolve('a');
    lookup = fails;
    for (let i = 0; i < 3; i++) {
      wait(60_000);
      expect(await resolve('a')).toEqual({ a: ['10.0.0.1'] });
    }
    expect(asked).toHaveLength(4);
    lookup = async () => ['10.0.0.2'];
    expect(await resolve('a')).toEqual({ a: ['10.0.0.2'] });
  });

  it('whose look-up never ends hold up the others for no longer than the limit, and never again', async () => {
    const slow = Array.from({ length: 40 }, (_, i) => `slow${i}`);
    const quick = Array.from({ length: 5 }, (_, i) => `quick${i}`);
    const { resolve, clock } = open(
      (name) => (name.startsWith('slow') ? new Promise(() => undefined) : Promise.resolve(['10.0.0.1'])),
      30,
    );
    const found: number[] = [];
    for (let i = 0; i < 4; i++) {
      const startedMs = performance.now();
      found.push(Object.keys(await resolve(...slow, ...quick)).length);
      expect(performance.now() - startedMs).toBeLessThan(1000);
      clock.ms += 1;
    }
    // Names not tried yet come first: within a few reads every good one is known.
    expect(found.at(-1)).toBe(quick.length);
  });

  it('are looked up sixteen at once, and each once', async () => {
    let atWork = 0;
    let most = 0;
    const { resolve, asked } = open(async () => {
      most = Math.max(most, ++atWork);
      await tick();
      atWork--;
      return ['10.0.0.1'];
    });
    const names = Array.from({ length: 100 }, (_, i) => `n${i}`);
    expect(Object.keys(await resolve(...names))).toHaveLength(100);
    expect(most).toBe(16);
    expect(asked.toSorted()).toEqual(names.toSorted());
  });

  it('fail one by one: a look-up that fails is that name alone', async () => {
    const { resolve } = open(async (name) => {
      if (name.endsWith('7')) throw new Error('SERVFAIL');
      return ['10.0.0.1'];
    });
    const names = Array.from({ length: 50 }, (_, i) => `n${i}`);
    expect(Object.keys(await resolve(...names))).toHaveLength(45);
  });

  it("stop with the signal's reason, before and during look-ups", async () => {
    const { resolver } = open(() => new Promise(() => undefined), 5000);
    const reason = new Error('enough');
    await expect(resolver.resolve(new Set(['a']), AbortSignal.abort(reason))).rejects.toBe(reason);
    const stop = new AbortController();
    const resolving = resolver.resolve(new Set(['a']), stop.signal);
    await tick();
    stop.abort(reason);
    await expect(resolving).rejects.toBe(reason);
  });

  it('are looked up by the system: localhost, and none that can not be', async () => {
    const resolver = createHostResolver({ timeoutMs: 5000, now: Date.now });
    const known = await resolver.resolve(new Set(['localhost', 'a\0b', '', 'x'.repeat(300)]), signal);
    const loopback = known.get('localhost') ?? [];
    expect(loopback.length).toBeGreaterThan(0);
    for (const address of loopback) expect(['127.0.0.1', '::1']).toContain(address);
    expect([...known.keys()]).toEqual(['localhost']);
  });
});

describe('a hosts file', () => {
  it('is all that resolves, canonical and sorted', async () => {
    const path = await hostsFile('{"a":["10.0.0.2","::ffff:10.0.0.1"],"b":[],"c":["2001:DB8::1"]}');
    const known = await createHostsFileResolver(path).resolve(new Set(['a', 'other']), signal);
    expect(known.get('a')).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(known.get('b')).toEqual([]);
    expect(known.get('c')).toEqual(['2001:db8::1']);
    expect(known.get('other')).toBeUndefined();
  });

  it.each([
    ['[]', /hosts\.json: should be an object of host names, each with a list of addresses$/],
    ['null', /hosts\.json: should be an object of host names/],
    ['"a"', /hosts\.json: should be an object of host names/],
    ['{"a":"10.0.0.1"}', /hosts\.json: a: should be a list of addresses$/],
    ['{"a":null}', /hosts\.json: a: should be a list of addresses$/],
    ['{"a":["x"]}', /hosts\.json: a: "x" is no IP address$/],
    ['{"a":[5]}', /hosts\.json: a: 5 is no IP address$/],
    ['{', /hosts\.json is not JSON/],
  ])('that is %s is refused, file named', async (content, message) => {
    const path = await hostsFile(content);
    expect(() => createHostsFileResolver(path)).toThrow(ConfigError);
    expect(() => createHostsFileResolver(path)).toThrow(message);
  });
});

type Opened = {
  readonly resolver: HostResolver;
  readonly resolve: (...names: string[]) => Promise<Record<string, readonly string[]>>;
  readonly asked: string[];
  readonly clock: { ms: number };
  readonly wait: (ms: number) => void;
};

function open(lookupAddresses: LookupAddresses, timeoutMs = 5000): Opened {
  const asked: string[] = [];
  const clock = { ms: 1_750_000_000_000 };
  const resolver = createHostResolver({
    timeoutMs,
    now: () => clock.ms,
    lookupAddresses: (name) => {
      asked.push(name);
      return lookupAddresses(name);
    },
  });
  return {
    resolver,
    resolve: async (...names) => Object.fromEntries(await resolver.resolve(new Set(names), signal)),
    asked,
    clock,
    wait: (ms) => {
      clock.ms += ms;
    },
  };
}

async function hostsFile(content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'hosts.json');
  await writeFile(path, content);
  return path;
}
