import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError } from '../../../sync-agent/config.ts';
import { readTarget, type TargetFlags } from '../../../sync-agent/connect/target.ts';

const TOKEN = `mdt_${'b'.repeat(32)}`;
const URL = 'https://doh.example.com/dns-query';

describe('the resolver to connect to', () => {
  it.each([
    [{ url: URL }, URL],
    [{ url: 'https://doh.example.com' }, URL],
    [{ url: `${URL}{?dns}` }, URL],
    [{ url: URL, token: TOKEN }, `https://doh.example.com/t/${TOKEN}/dns-query`],
    [{ url: 'https://doh.example.com/', token: TOKEN }, `https://doh.example.com/t/${TOKEN}/dns-query`],
    [
      { url: `https://doh.example.com/t/${TOKEN}/dns-query`, token: TOKEN },
      `https://doh.example.com/t/${TOKEN}/dns-query`,
    ],
    [{ url: 'https://[2001:db8::1]:8443/dns-query' }, 'https://[2001:db8::1]:8443/dns-query'],
    [{ url: 'http://127.0.0.1:8787/dns-query' }, 'http://127.0.0.1:8787/dns-query'],
  ] as const)('of %j is %s', (flags, dohUrl) => {
    expect(readTarget(flags)).toMatchObject({ dohUrl, zones: ['mesos'], addresses: [] });
  });

  it('has each zone once, in lower case', () => {
    expect(readTarget({ url: URL, zone: ['Mesos', 'dc1.mesos.', 'mesos'] }).zones).toEqual([
      'mesos',
      'dc1.mesos',
    ]);
  });

  it.each<[string, TargetFlags]>([
    ['no DoH URL', {}],
    ['https://', { url: 'http://doh.example.com/dns-query' }],
    ['plain HTTP', { url: 'http://doh.example.com/dns-query', token: TOKEN }],
    ['DoH URL', { url: 'doh.example.com' }],
    ['--zone', { url: URL, zone: ['mesos; reboot'] }],
    ['--zone', { url: URL, zone: ['a b'] }],
    ['--zone', { url: URL, zone: ['.'] }],
    ['--zone', { url: URL, zone: ['%i'] }],
    ['--zone', { url: URL, zone: ['-x'] }],
    ['--zone', { url: URL, zone: ['a.-x'] }],
    ['--address', { url: URL, address: ['fe80::1%eth0'] }],
    ['end with its path', { url: `${URL}?a=b` }],
    ['end with its path', { url: `${URL}\\x` }],
    ['end with its path', { url: `https://doh.example.com/\ndns-query` }],
    ['end with its path', { url: `${URL}'` }],
    ['--address', { url: URL, address: ['doh.example.com'] }],
    ['--address', { url: 'https://doh.mesos/dns-query' }],
    ['--address', { url: 'https://mesos/dns-query' }],
    ["can't be read", { url: URL, ca: '/nowhere/ca.pem' }],
    ['no certificate', { url: URL, ca: '/dev/null' }],
    ['token', { url: `https://doh.example.com/t/${TOKEN}/dns-query`, token: `mdt_${'c'.repeat(32)}` }],
  ])('says %s for what no client could use', (said, flags) => {
    expect(() => readTarget(flags)).toThrow(ConfigError);
    expect(() => readTarget(flags)).toThrow(said);
    expect(() => readTarget(flags)).not.toThrow(/mdt_[bc]/);
  });

  it('takes a host in its own zone where its address is given', () => {
    expect(readTarget({ url: 'https://doh.mesos/dns-query', address: ['10.0.0.1'] }).addresses).toEqual([
      '10.0.0.1',
    ]);
  });

  it('has the certificates of a file and nothing else that stands in it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-pem-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const block = (what: string, text: string): string =>
      `-----BEGIN ${what}-----\n${text}\n-----END ${what}-----\n`;
    const ca = join(directory, 'both.pem');
    const [one, two] = [block('CERTIFICATE', 'AAAA'), block('CERTIFICATE', 'BBBB')];
    await writeFile(ca, `subject=x\n${block('PRIVATE KEY', 'c2VjcmV0')}${one}notes\n${two}`);
    expect(readTarget({ url: URL, ca }).caPem).toBe(one + two);
  });
});
