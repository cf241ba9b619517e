import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
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

  it('counts the zones and variants of a configuration, and takes its times, where no flag says other', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-cost-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const file = join(directory, 'config.json');
    const config = {
      mesos: { masters: ['http://10.0.0.1:5050'] },
      records: { labels: 'read', aliases: { zones: ['apps.example'] } },
      reverse: { zones: ['10.in-addr.arpa'] },
      consul: { url: 'http://10.0.0.1:8500' },
      variants: { out: {} },
      plan: 'free',
      minPushSeconds: 250,
      history: { keep: 5, everySeconds: 7200 },
    };
    await writeFile(file, JSON.stringify(config));
    const told = await cost('--config', file);
    expect(told.stdout).toMatch(/a push every 250 s at most; zones: 4, variants of each: 2$/m);
    expect(told.stdout).toMatch(
      /^Zones: mesos, apps\.example, 10\.in-addr\.arpa, consul; each is counted as large/m,
    );
    const json = JSON.parse((await cost('--config', file, '--json')).stdout);
    expect(json).toMatchObject({
      zoneNames: ['mesos', 'apps.example', '10.in-addr.arpa', 'consul'],
      usage: { livenessSeconds: 900, assumed: { historyKept: 5, historySeconds: 7200 } },
    });
    const over = ['--zones', '1', '--variants', '3', '--plan', 'paid', '--history-kept', '9'];
    expect(JSON.parse((await cost('--config', file, '--json', ...over)).stdout).usage).toMatchObject({
      ...{ zones: 1, variants: 3, minPushSeconds: 10, livenessSeconds: 300 },
      assumed: { historyKept: 9, historySeconds: 7200 },
    });
    await writeFile(file, JSON.stringify({ consul: config.consul }));
    expect(JSON.parse((await cost('--config', file, '--json')).stdout)).toMatchObject({
      zoneNames: ['consul'],
      usage: { zones: 1, variants: 1 },
    });
    expect(await cost('--config', join(directory, 'none'))).toMatchObject({ code: 2 });
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
