import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { createRates, type Rates, tooMany } from '../../../worker/access/rate.ts';

/** A binding that counts without end of its window. */
function counter(limit: number): { readonly binding: RateLimit; readonly keys: string[] } {
  const keys: string[] = [];
  return {
    binding: {
      limit: async ({ key }) => {
        keys.push(key);
        return { success: keys.filter((other) => other === key).length <= limit };
      },
    },
    keys,
  };
}

/** Rates with a clock; what runs on is awaited between requests. */
function createBrakes(bindings: object): {
  readonly rates: Rates;
  readonly team: (team: string, rate?: number) => Promise<boolean>;
  readonly stranger: (address: string | undefined, why?: 'refused' | 'open') => Promise<boolean>;
  readonly wait: (seconds: number) => void;
} {
  let nowMs = 1_000_000;
  const rates = createRates(bindings, () => nowMs);
  const settled = async (ask: (waitUntil: (work: Promise<unknown>) => void) => boolean): Promise<boolean> => {
    const running: Promise<unknown>[] = [];
    const allowed = ask((work) => void running.push(work));
    await Promise.all(running);
    return allowed;
  };
  return {
    rates,
    team: (team, rate) => settled((waitUntil) => rates.allowsTeam(team, rate, waitUntil)),
    stranger: (address, why = 'refused') => {
      const headers = address === undefined ? {} : { 'cf-connecting-ip': address };
      const request = new Request('https://doh.example/dns-query', {
        headers: { ...headers, 'x-forwarded-for': '192.0.2.99' },
      });
      return settled((waitUntil) => rates.allowsStranger(why, request, waitUntil));
    },
    wait: (seconds) => void (nowMs += seconds * 1_000),
  };
}

async function times(count: number, ask: () => Promise<boolean>): Promise<number> {
  let allowed = 0;
  for (let i = 0; i < count; i++) if (await ask()) allowed++;
  return allowed;
}

describe('the rate of a team', () => {
  it('is held up by the count of the request before, for ten seconds', async () => {
    const { binding, keys } = counter(3);
    const { team, wait } = createBrakes({ RATE_3: binding });
    // The one that goes over is answered still: nobody waits for a count.
    expect(await times(10, () => team('payments', 3))).toBe(4);
    expect(keys).toHaveLength(4);
    wait(9.999);
    expect(await team('payments', 3)).toBe(false);
    wait(0.001);
    expect(await times(5, () => team('payments', 3))).toBe(1);
  });

  it('is each team’s own', async () => {
    const { team } = createBrakes({ RATE_1: counter(1).binding });
    expect(await times(5, () => team('payments', 1))).toBe(2);
    expect(await times(5, () => team('search', 1))).toBe(2);
  });

  it.each<[number | undefined, string]>([
    [undefined, 'RATE_6000'],
    [10_000, 'RATE_6000'],
    [6_000, 'RATE_6000'],
    [5_999, 'RATE_600'],
    [600, 'RATE_600'],
    [599, 'RATE_90'],
    [90, 'RATE_90'],
    [89, 'RATE_90'],
    [0, 'RATE_90'],
  ])('%s a minute is counted by %s', async (rate, name) => {
    const counters = { RATE_600: counter(1), RATE_90: counter(1), RATE_6000: counter(1) };
    const others = { RATE_REFUSED: counter(1), RATE_OPEN: counter(1), QUOTA9000: counter(1) };
    const all = { ...counters, ...others };
    const bindings = Object.fromEntries(Object.entries(all).map(([key, { binding }]) => [key, binding]));
    await createBrakes({ ...bindings, RATE_90000: '90000', ACCESS: 'tokens', RATE_: 1 }).team(
      'payments',
      rate,
    );
    const used = Object.entries(all).filter(([, { keys }]) => keys.length > 0);
    expect(used.map(([key]) => key)).toEqual([name]);
  });

  it('has no limit where nothing is bound, and is not asked for', async () => {
    const { team, stranger, rates } = createBrakes({
      ZONES: 'mesos',
      SNAPSHOTS: env.SNAPSHOTS,
      RATE_60: undefined,
    });
    expect(await times(50, () => team('payments', 1))).toBe(50);
    expect(await times(50, () => stranger('192.0.2.1'))).toBe(50);
    expect(rates.limited).toEqual({ teams: false, refused: false, open: false });
  });

  it('lets requests pass where the binding is out of order', async () => {
    const broken: RateLimit = { limit: () => Promise.reject(new Error('out of order')) };
    const { team, stranger } = createBrakes({ RATE_60: broken, RATE_REFUSED: broken });
    expect(await times(5, () => team('payments', 1))).toBe(5);
    expect(await times(5, () => stranger('192.0.2.1'))).toBe(5);
  });
});

describe('the rate of an address', () => {
  it.each<[string, string | undefined, string | undefined, boolean]>([
    ['the same address', '192.0.2.1', '192.0.2.1', true],
    ['another address', '192.0.2.1', '192.0.2.2', false],
    ['an address of the same /64', '2001:db8:1:2:3::4', '2001:db8:1:2:ffff::', true],
    ['an address of another /64', '2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['two ways to write a /64', '2001:db8::1', '2001:0DB8:0:0:1:2:3:4', true],
    ['two ways to write a short run of zeros', '2001:db8::3:4:5:6:7', '2001:db8:0:3:ffff::', true],
    ['what lies behind a run of zeros', '2001:db8::3:4:5:6:7', '2001:db8::7', false],
    ['addresses that begin with zeros', '::1', '::2:3', true],
    ['an address and one that begins with zeros', '::1', '1::', false],
    ['no address', undefined, undefined, true],
    ['what is no address', ':', ':::::::::', true],
  ])('counts %s together, or not', async (_, first, second, together) => {
    const { stranger } = createBrakes({ RATE_REFUSED: counter(1).binding });
    expect(await times(3, () => stranger(first))).toBe(2);
    expect(await stranger(second)).toBe(!together);
  });

  it('counts what is refused and what is open apart', async () => {
    const [refused, open] = [counter(1), counter(100)];
    const { stranger, rates } = createBrakes({ RATE_REFUSED: refused.binding, RATE_OPEN: open.binding });
    expect(await times(5, () => stranger('192.0.2.1', 'open'))).toBe(5);
    expect(await times(5, () => stranger('192.0.2.1', 'refused'))).toBe(2);
    expect(await stranger('192.0.2.1', 'open')).toBe(true);
    expect([refused.keys.length, open.keys.length]).toEqual([2, 6]);
    expect(rates.limited).toEqual({ teams: false, refused: true, open: true });
  });

  it('remembers so many that are held up, and then begins anew', async () => {
    const { stranger } = createBrakes({ RATE_REFUSED: { limit: async () => ({ success: false }) } });
    await stranger('192.0.2.1');
    for (let i = 0; i < 4_095; i++) await stranger(`10.0.${i >> 8}.${i & 0xff}`);
    expect(await stranger('192.0.2.1')).toBe(false);
    await stranger('10.1.0.0');
    expect(await stranger('192.0.2.1')).toBe(true);
  });
});

describe('a request too many', () => {
  it('is refused with 429, and when to come back', () => {
    expect(tooMany()).toMatchObject({ name: 'Refused', status: 429, retryAfterSeconds: 10 });
    expect(tooMany().message).not.toMatch(/team|token|address/i);
  });
});

describe('wrangler.toml', () => {
  const [text] = Object.values(
    import.meta.glob('../../../wrangler.toml', { eager: true, import: 'default', query: '?raw' }),
  );
  const limits = [
    ...String(text).matchAll(
      /\[\[ratelimits\]\]\nname = "(\w+)"\nnamespace_id = "(\d+)"\nsimple = \{ limit = (\d+), period = (\d+) \}/g,
    ),
  ];

  it('binds rates whose names are true, each with an id of its own', () => {
    expect(limits.map(([, name]) => name)).toEqual(['RATE_600', 'RATE_6000', 'RATE_60000', 'RATE_REFUSED']);
    expect(String(text).match(/\[\[ratelimits\]\]/g)).toHaveLength(4);
    for (const [, name, , limit, period] of limits) {
      expect(period).toBe('60');
      if (name !== 'RATE_REFUSED') expect(name).toBe(`RATE_${limit}`);
    }
    expect(new Set(limits.map(([, , id]) => id)).size).toBe(4);
  });

  it('bounds the CPU time of a request, and keeps request logs off', () => {
    expect(text).toMatch(/^\[limits\]\ncpu_ms = 2000$/m);
    expect(text).toMatch(/^\[observability\]\nenabled = false$/m);
  });

  it('binds what the runtime takes for a rate limit', async () => {
    const { rates, stranger } = createBrakes(env);
    expect(rates.limited).toEqual({ teams: true, refused: true, open: false });
    expect(await times(70, () => stranger('198.51.100.7'))).toBeLessThan(70);
  });
});
