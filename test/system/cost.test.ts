import { describe, expect, it } from 'vitest';
import { type Finished, runCli } from './run-cli.ts';

/** `mesos-doh cost` as somebody asks it who has to pay. */
const cost = (...args: string[]): Promise<Finished> => runCli(['cost', ...args]);

describe('cost', () => {
  it('prints the bill line by line, the free verdict, what was assumed, and the date of the prices', async () => {
    const ended = await cost('--queries-per-day', '1e7', '--records', '1000000', '--changes-per-second', '1');
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^requests +300,000,000 +10,000,000 +87\.00$/m);
    expect(ended.stdout).toMatch(/^CPU, ms +300,000,000 +30,000,000 +5\.40$/m);
    for (const line of [
      'paid plan',
      'KV reads',
      'KV writes',
      'KV deletes',
      'KV lists',
      'KV storage, GB',
      'total',
    ])
      expect(ended.stdout).toMatch(new RegExp(`^${line} .*\\d\\.\\d\\d$`, 'm'));
    expect(ended.stdout).toMatch(/Free plan: does not hold\. First to break: /);
    expect(ended.stdout).toMatch(/^Assumed: 1,000 isolates; --names-per-change \d+/m);
    expect(ended.stdout).toMatch(/^Prices of \d{4}-\d\d-\d\d: https:/m);
  });

  it('of a small cluster on the free plan holds', async () => {
    const ended = await cost(
      '--plan',
      'free',
      '--tasks',
      '200',
      '--queries-per-day',
      '20000',
      '--changes-per-second',
      '0.01',
    );
    expect(ended.stdout).toMatch(
      /Free plan: holds \(\$0\)\. Nearest to its limit: KV writes \d+ of 1,000 a day/,
    );
    expect(ended.stdout).toMatch(/a push every 100 s at most/);
  });

  it('is the same as JSON', async () => {
    const ended = await cost(
      '--tasks',
      '2000',
      '--zones',
      '2',
      '--isolates',
      '7',
      '--names-per-change',
      '6',
      '--json',
    );
    const parsed = JSON.parse(ended.stdout);
    expect(parsed).toMatchObject({
      usage: { rrsets: 9_000, zones: 2, isolates: 7, assumed: { namesPerChange: 6 } },
      freePlan: { holds: false },
    });
    expect(parsed.usd).toBeCloseTo(
      parsed.lines.reduce((sum: number, { usd }: { usd: number }) => sum + usd, 0),
      6,
    );
    expect(parsed.pricesOf).toMatch(/^\d{4}-\d\d-\d\d$/);
  });

  it.each([
    [['--tasks', '1', '--records', '1'], /--records or --tasks, not both/],
    [['--queries-per-day', 'many'], /a number, 0 or more/],
    [['--queries-per-day', '-1'], /a number, 0 or more/],
    [['--changes-per-second', 'NaN'], /a number, 0 or more/],
    [['--push-seconds', '0'], /more than 0/],
    [['--octets-per-name', ''], /a number, 0 or more/],
    [['--zones', '0'], /at least 1/],
    [['--plan', 'enterprise'], /free or paid/],
    [['--task', '5'], /unknown option '--task'[^]*Did you mean --tasks\?/],
    [['5'], /too many arguments/],
  ])('refuses %j', async (args, message) => {
    const ended = await cost(...args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(message);
  });

  it('has help with examples', async () => {
    const ended = await cost('--help');
    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/Examples:\n {2}mesos-doh cost/);
  });
});
