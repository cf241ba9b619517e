import { describe, expect, it } from 'vitest';
import type { Device } from '../../../sync-agent/client/device.ts';
import { readDohUrl } from '../../../sync-agent/client/doh-url.ts';
import { judgeBrowsers, readBrowsers } from '../../../sync-agent/doctor/client-browsers.ts';
import {
  judgeClock,
  judgeConnections,
  judgeLookUp,
  judgeTls,
} from '../../../sync-agent/doctor/client-connection.ts';
import type { ClientFinding } from '../../../sync-agent/doctor/client-finding.ts';
import { judgeRoute } from '../../../sync-agent/doctor/client-name.ts';
import { judgeResolved } from '../../../sync-agent/doctor/client-resolved.ts';
import {
  asksStubForAll,
  readResolver,
  readServer,
  type ResolverFacts,
} from '../../../sync-agent/doctor/client-resolver.ts';
import { judgeStub } from '../../../sync-agent/doctor/client-stub.ts';
import { judgeSystem } from '../../../sync-agent/doctor/client-system.ts';
import { judgeUrl } from '../../../sync-agent/doctor/client-url.ts';

const TOKEN = `mdt_${'ab2c'.repeat(8)}`;
const line = ({ verdict, says, mend }: ClientFinding): string => `${verdict}: ${says}. ${mend ?? ''}`;
const signal = new AbortController().signal;

describe('the URL', () => {
  it.each([
    ['https://doh.example.com/dns-query', [/^well: https:\/\/doh\.example\.com\/dns-query, no token/]],
    [`https://doh.example.com/t/${TOKEN}/dns-query`, [/^well: .*\/t\/\*\*\*\/dns-query, with a token/]],
    ['http://doh.example.com/dns-query', [/^wrong: .* plain HTTP/]],
    ['http://127.0.0.1:8787/dns-query', [/^well/]],
    ['https://doh.example.com/', [/^wrong: the path is missing/]],
    ['https://doh.example.com/t/MDT_ABC/dns', [/the path is \/dns\./, /has not the form/]],
  ])('%s', (text, words) => {
    expect(judgeUrl(readDohUrl(text)).map((one) => line(one))).toEqual(
      words.map((one) => expect.stringMatching(one)),
    );
  });
});

describe('DNS of the host', () => {
  const facts = { host: 'doh.example.com', isLoopback: false, pinned: undefined, asksStub: false };
  const found = (...addresses: string[]) => ({ kind: 'found', addresses }) as const;
  const failed = (code: string) => ({ kind: 'failed', code }) as const;
  it.each([
    [found('203.0.113.7', '2001:db8::7'), {}, /^well: doh\.example\.com is 203\.0\.113\.7, 2001:db8::7\. $/],
    [found('10.0.0.1'), {}, /^advice: .*internal network/],
    [found('fd00::1'), {}, /^advice: .*internal network/],
    [found('127.0.0.1'), {}, /^wrong: .*this machine itself/],
    [found('127.0.0.1'), { isLoopback: true }, /^well/],
    [found('0.0.0.0'), {}, /^wrong: .*DNS filter/],
    [found('203.0.113.7'), { pinned: '203.0.113.8' }, /^advice: .*not 203\.0\.113\.8/],
    [failed('ENOTFOUND'), {}, /^wrong: doh\.example\.com is not found\. Check how/],
    [failed('EAI_AGAIN'), {}, /^wrong: .*Is this machine online/],
    [failed('ETIMEDOUT'), {}, /^wrong: nobody said in time/],
    [failed('ETIMEDOUT'), { asksStub: true }, /^wrong: .*waits for this very name.*--bootstrap IP$/],
    [failed('ENOTFOUND'), { pinned: '203.0.113.7' }, /^advice: .*203\.0\.113\.7 is asked instead/],
  ])('%j %j', (looked, more, words) => {
    expect(line(judgeLookUp(looked, { ...facts, ...more }))).toMatch(words);
  });
});

describe('connections', () => {
  const good = { kind: 'connected', elapsedMs: 12 } as const;
  const bad = (code: string) => ({ kind: 'failed', code }) as const;
  it.each([
    [{ '1.1.1.1': good }, /^well: 1\.1\.1\.1, port 443, in 12 ms/],
    [{ '1.1.1.1': good, '2001::1': bad('ETIMEDOUT') }, /^advice: .*IPv6 is set up here and does not work/],
    [{ '1.1.1.1': good, '2001::1': bad('ENETUNREACH') }, /^well: .*no IPv6 here/],
    [{ '1.1.1.1': good, '1.1.1.2': bad('ECONNREFUSED') }, /^advice: .*not 1\.1\.1\.2: connection refused/],
    [
      { '1.1.1.1': bad('ECONNREFUSED') },
      /^wrong: port 443 of 1\.1\.1\.1: connection refused\. The host is there/,
    ],
    [{ '1.1.1.1': bad('ETIMEDOUT') }, /^wrong: .*firewall on the way/],
    [
      { '1.1.1.1': bad('ENETUNREACH'), '2001::1': bad('EADDRNOTAVAIL') },
      /^wrong: .*Is this machine online\?$/,
    ],
    [{ '1.1.1.1': bad('EPERM') }, /^wrong: .*this machine's firewall/],
  ])('%j', (by, words) => {
    const tried = Object.entries(by).map(([address, connected]) => ({ address, connected }));
    expect(line(judgeConnections(tried, 443))).toMatch(words);
  });
});

describe('TLS and the clock', () => {
  const nowMs = Date.UTC(2026, 10, 21, 8, 30);
  const certificate = { names: ['a.test'], issuer: 'R1', fromMs: nowMs - 1e9, untilMs: nowMs + 1e9 };
  const shaken = { kind: 'shaken', version: 'TLSv1.3', alpn: 'h2', problem: undefined, certificate } as const;
  const facts = { host: 'a.test', caFile: undefined, nowMs };
  it.each([
    [{}, {}, [/^well: TLSv1\.3, certificate for a\.test by R1 until 2026-12-02/]],
    [{ alpn: undefined }, {}, [/^well/, /^advice: no HTTP\/2 is offered/]],
    [
      { certificate: { ...certificate, untilMs: nowMs + 1e8 } },
      {},
      [/^well/, /^advice: the certificate ends on 2026-11-22/],
    ],
    [{ problem: 'CERT_HAS_EXPIRED' }, {}, [/^wrong: .*it says 2026-11-21 08:30 UTC/]],
    [
      { problem: 'SELF_SIGNED_CERT_IN_CHAIN' },
      { caFile: 'x.pem' },
      [/^wrong: .*by R1, which is not in x\.pem/],
    ],
    [{ problem: 'SELF_SIGNED_CERT_IN_CHAIN' }, {}, [/^wrong: .*--ca FILE/]],
    [{ problem: 'CERT_REVOKED' }, {}, [/^wrong: the certificate is not trusted \(CERT_REVOKED\)/]],
  ])('%j %j', (more, also, words) => {
    const findings = judgeTls({ ...shaken, ...more }, { ...facts, ...also });
    expect(findings.map((one) => line(one))).toEqual(words.map((one) => expect.stringMatching(one)));
  });

  it('compares clocks', () => {
    expect(line(judgeClock(nowMs - 60_000, nowMs))).toMatch(/^well/);
    expect(line(judgeClock(nowMs - 61_000, nowMs))).toMatch(/^advice: this machine is 61 s ahead/);
    expect(line(judgeClock(nowMs + 90_000, nowMs))).toMatch(/90 s behind/);
  });
});

describe('the route', () => {
  const to = (address: string, code: string | undefined, isPortKnown = true) => ({
    address,
    port: 31_000,
    isPortKnown,
    connected:
      code === undefined
        ? ({ kind: 'connected', elapsedMs: 1 } as const)
        : ({ kind: 'failed', code } as const),
  });
  it.each([
    [
      [to('10.0.0.1', 'ETIMEDOUT'), to('10.0.0.2', undefined)],
      true,
      /^well: n: 10\.0\.0\.2 port 31000 answers/,
    ],
    [[to('10.0.0.1', 'ECONNREFUSED')], true, /^advice: .*may be starting, or just gone/],
    [[to('10.0.0.1', 'ECONNREFUSED', false)], true, /^well: .*is there/],
    [[to('10.0.0.1', 'ETIMEDOUT')], true, /^wrong: .*no answer in time\. .*VPN/],
    [[to('10.0.0.1', 'ETIMEDOUT')], false, /^advice: .*VPN/],
    [[to('10.0.0.1', 'ETIMEDOUT', false)], true, /^advice: .*name a service/],
    [[to('203.0.113.1', 'EHOSTUNREACH')], true, /^wrong: .*host unreachable\. A firewall/],
    [[], true, /^skipped/],
  ])('%j', (tried, isNeeded, words) => {
    expect(line(judgeRoute(tried, { name: 'n', isNeeded }))).toMatch(words);
  });
});

/** A machine of files and command outputs. */
function machine(
  files: Record<string, string>,
  commands: Record<string, string> = {},
): Pick<Device, 'run' | 'read' | 'list' | 'home'> {
  return {
    home: '/home/u',
    read: async (path) => files[path],
    list: async (path) => {
      const below = Object.keys(files).filter((file) => file.startsWith(`${path}/`));
      return [...new Set(below.map((file) => file.slice(path.length + 1).split('/')[0] ?? ''))];
    },
    run: async (command, args) => {
      const stdout = commands[`${command} ${args.join(' ')}`];
      if (!Object.keys(commands).some((one) => one.startsWith(`${command} `))) return undefined;
      return stdout === undefined ? { code: 1, stdout: '', stderr: 'no' } : { code: 0, stdout, stderr: '' };
    },
  };
}
const resolverOf = (
  files: Record<string, string>,
  commands: Record<string, string> = {},
): Promise<ResolverFacts> => readResolver(machine(files, commands) as Device, signal);

const V252 = 'systemd 252 (252.39-1~deb12u1)\n+PAM +AUDIT\n';
const HOSTS = { '/etc/nsswitch.conf': '# x\nhosts: files resolve [!UNAVAIL=return] dns\n' };
/** What resolvectl of 252 says with a link of ours, as `mesos-doh connect systemd` leaves it. */
const ROUTED = {
  'resolvectl --version': V252,
  'resolvectl dns':
    'Global: 127.0.0.1:5354\nLink 2 (eth0): 192.0.2.53 2001:db8::53\nLink 3 (mesos0): 127.0.0.1:5354\n',
  'resolvectl domain': 'Global:\nLink 2 (eth0): lan\nLink 3 (mesos0): ~mesos\n',
  'resolvectl dnssec': 'Global: allow-downgrade\nLink 2 (eth0): allow-downgrade\nLink 3 (mesos0): no\n',
  'resolvectl default-route': 'Link 2 (eth0): yes\nLink 3 (mesos0): no\n',
};

describe('systemd-resolved', () => {
  it.each<[string, Record<string, string>, Record<string, string>, readonly RegExp[]]>([
    ['is not there', {}, {}, [/^skipped: there is no systemd-resolved/]],
    ['does not run', { 'resolvectl --version': V252 }, {}, [/^skipped: .*does not run/]],
    [
      'names a server twice',
      {
        ...ROUTED,
        'resolvectl dns':
          'Link 3 (mesos0): 127.0.0.1:5354 127.0.0.1:5354#a.test\n    127.0.0.1:5354 127.0.0.2:5354\n',
      },
      HOSTS,
      [/^well: link mesos0 sends mesos to 127\.0\.0\.1:5354, 127\.0\.0\.2:5354\. $/, /^well/],
    ],
    [
      'has a delegate that names a server twice',
      { ...ROUTED, 'resolvectl domain': 'Link 2 (eth0): lan\n' },
      {
        ...HOSTS,
        '/etc/systemd/dns-delegate.d/m.dns-delegate':
          'DNS=127.0.0.1:5354\nDNS=127.0.0.1:5354\nDomains=mesos\n',
      },
      [/^well: delegate m sends mesos to 127\.0\.0\.1:5354\. $/, /^well/],
    ],
    [
      'is set up',
      ROUTED,
      HOSTS,
      [/^well: link mesos0 sends mesos to 127\.0\.0\.1:5354/, /^well: programs ask/],
    ],
    [
      'is not set up',
      { ...ROUTED, 'resolvectl domain': 'Global:\n' },
      HOSTS,
      [/^skipped: .*mesos-doh connect systemd/],
    ],
    [
      'leaks by its global servers',
      {
        ...ROUTED,
        'resolvectl domain': 'Global: ~mesos\n',
        'resolvectl dns': 'Global: 127.0.0.1:5354\n',
        'resolvectl dnssec': '',
      },
      HOSTS,
      [
        /^wrong: the global settings send mesos to 127\.0\.0\.1:5354, and in systemd 252 every other name as well/,
        /^well/,
      ],
    ],
    [
      'of 257 does not',
      {
        'resolvectl --version': 'systemd 257 (257.9)',
        'resolvectl domain': 'Global: ~mesos\n',
        'resolvectl dns': 'Global: 127.0.0.1:5354\n',
      },
      HOSTS,
      [/^well: the global settings/, /^well/],
    ],
    [
      'has many domains, in several lines',
      {
        ...ROUTED,
        'resolvectl domain': 'Link 3 (mesos0): ~a.example ~b.example\n        ~mesos\nLink 4 (x): c\n',
      },
      HOSTS,
      [/^well: link mesos0/, /^well/],
    ],
    [
      'validates',
      { ...ROUTED, 'resolvectl dnssec': 'Link 3 (mesos0): allow-downgrade\n' },
      HOSTS,
      [/^wrong: .*not signed.*resolvectl dnssec mesos0 no/, /^well/],
    ],
    [
      'validates, but for the zone',
      { ...ROUTED, 'resolvectl dnssec': 'Link 3 (mesos0): yes\n' },
      { ...HOSTS, '/etc/dnssec-trust-anchors.d/m.negative': '; ours\nmesos.\n' },
      [/^well/, /^well/],
    ],
    [
      'sends everything',
      { ...ROUTED, 'resolvectl default-route': 'Link 3 (mesos0): yes\n' },
      HOSTS,
      [/^advice: .*every name.*resolvectl default-route mesos0 no/, /^well/],
    ],
    [
      'has no server',
      { ...ROUTED, 'resolvectl dns': 'Link 3 (mesos0):\n' },
      HOSTS,
      [/^wrong: link mesos0 is for mesos and has no server/, /^well/],
    ],
    [
      'has a delegate',
      { ...ROUTED, 'resolvectl domain': 'Link 2 (eth0): lan\n' },
      {
        ...HOSTS,
        '/etc/systemd/dns-delegate.d/mesos.dns-delegate': `[Delegate]\nDNS=203.0.113.10#https://a.test/t/${TOKEN}/dns-query{?dns}\nDomains=mesos\n`,
      },
      [/^well: delegate mesos sends mesos to 203\.0\.113\.10\. $/, /^well/],
    ],
    [
      'is not asked',
      ROUTED,
      { '/etc/nsswitch.conf': 'hosts: files dns', '/etc/resolv.conf': 'nameserver 192.0.2.1' },
      [/^well/, /^wrong: programs do not ask/],
    ],
    [
      'is asked by resolv.conf',
      ROUTED,
      { '/etc/nsswitch.conf': 'hosts: files dns', '/etc/resolv.conf': 'nameserver 127.0.0.53' },
      [/^well/, /^well: .*resolv\.conf/],
    ],
  ])('%s', async (_, commands, files, words) => {
    const findings = judgeResolved(await resolverOf(files, commands), 'mesos');
    expect(findings.map((one) => line(one))).toEqual(words.map((one) => expect.stringMatching(one)));
  });

  it('is known to ask the stub for everything, or not', async () => {
    const stub = { address: '127.0.0.1', port: 5354 };
    expect(asksStubForAll(await resolverOf(HOSTS, ROUTED), stub)).toBe(false);
    const all = { ...ROUTED, 'resolvectl domain': 'Link 3 (mesos0): ~.\n' };
    expect(asksStubForAll(await resolverOf(HOSTS, all), stub)).toBe(true);
    const global = { ...ROUTED, 'resolvectl dns': 'Global: 127.0.0.1:5354\nLink 2 (eth0): 192.0.2.53\n' };
    expect(asksStubForAll(await resolverOf(HOSTS, global), stub)).toBe(true);
    const file = { '/etc/resolv.conf': 'nameserver 127.0.0.1\n' };
    expect(asksStubForAll(await resolverOf(file), { address: '127.0.0.1', port: 53 })).toBe(true);
  });

  it.each([
    ['127.0.0.1:5354', { address: '127.0.0.1', port: 5354 }],
    ['[::1]:5354', { address: '::1', port: 5354 }],
    ['2001:db8::53', { address: '2001:db8::53', port: 53 }],
    ['192.0.2.1%eth0', { address: '192.0.2.1', port: 53 }],
  ])('has a server %s', (text, server) => {
    expect(readServer(text)).toEqual(server);
  });
});

describe('the stub and programs', () => {
  const server = { address: '127.0.0.1', port: 5354 };
  it.each([
    [
      { serial: 7 },
      { serial: 7 },
      false,
      /^well: 127\.0\.0\.1:5354 answers over UDP and TCP: mesos, serial 7/,
    ],
    [{ code: 'ECONNREFUSED' }, { code: 'ECONNREFUSED' }, false, /^skipped: nothing listens/],
    [
      { code: 'ECONNREFUSED' },
      { code: 'ECONNREFUSED' },
      true,
      /^wrong: .*which this machine asks.*systemctl start/,
    ],
    [{ serial: 7 }, { code: 'ETIMEDOUT' }, true, /^wrong: .*over UDP answers, over TCP ETIMEDOUT/],
    [{ says: 'mesos is SERVFAIL' }, { says: 'mesos is SERVFAIL' }, false, /^wrong: .*SERVFAIL.*journalctl/],
  ])('%j %j', (udp, tcp, isUsed, words) => {
    expect(line(judgeStub({ server, isUsed, udp, tcp }, 'mesos'))).toMatch(words);
  });

  it.each([
    [['10.0.0.2', '10.0.0.1'], true, /^well/],
    [['10.9.9.9'], true, /^wrong: .*programs get 10\.9\.9\.9 for n, the resolver says 10\.0\.0\.1/],
    [['10.9.9.9'], false, /^advice/],
    [undefined, true, /^wrong: .*flush-caches/],
    [undefined, false, /^skipped/],
  ])('programs get %j', (addresses, isSetUp, words) => {
    const found = addresses
      ? ({ kind: 'found', addresses } as const)
      : ({ kind: 'failed', code: 'ENOTFOUND' } as const);
    expect(line(judgeSystem({ name: 'n', expected: ['10.0.0.1'], found, isSetUp }))).toMatch(words);
  });
});

describe('browsers', () => {
  const own = `https://doh.example.com/t/${TOKEN}/dns-query`;
  const url = readDohUrl(own);
  const policy = (more: object, preferences: object): Record<string, string> => ({
    '/etc/firefox/policies/policies.json': JSON.stringify({
      policies: { DNSOverHTTPS: { Enabled: true, ProviderURL: own, ...more }, Preferences: preferences },
    }),
  });
  const PRIVATE = { 'network.trr.allow-rfc1918': { Value: true, Status: 'locked' } };
  const profile = (...lines: string[]): Record<string, string> => ({
    '/home/u/.mozilla/firefox/p.default/prefs.js': lines
      .map((one) => `user_pref("network.trr.${one});\n`)
      .join(''),
  });
  const chrome = (settings: object): Record<string, string> => ({
    '/etc/chromium/policies/managed/m.json': JSON.stringify(settings),
  });
  const TEMPLATE = `${own}{?dns}`;

  it.each<[string, Record<string, string>, boolean | undefined, readonly RegExp[]]>([
    ['nothing', {}, true, [/^skipped: .*connect firefox/, /^skipped: .*connect chrome/]],
    [
      'somebody else’s',
      policy({ ProviderURL: 'https://other.test/dns-query' }, {}),
      true,
      [/^skipped/, /^skipped/],
    ],
    [
      'another path of the same host',
      policy({ ProviderURL: own.replace('dns-query', 'other') }, {}),
      true,
      [/^skipped/, /^skipped/],
    ],
    ['broken JSON', { '/etc/firefox/policies/policies.json': '{' }, true, [/^skipped/, /^skipped/]],
    [
      'a policy',
      policy({}, PRIVATE),
      true,
      [/^well: \/etc\/firefox\/policies\/policies\.json asks this resolver\./, /^skipped/],
    ],
    [
      'no private addresses',
      policy({}, {}),
      true,
      [/^wrong: .*private addresses.*allow-rfc1918/, /^skipped/],
    ],
    ['off', policy({ Enabled: false }, PRIVATE), true, [/^wrong: .*DNS over HTTPS is off/, /^skipped/]],
    [
      'nobody else, who refuses the world',
      policy({ Fallback: false }, PRIVATE),
      false,
      [/^wrong: .*the web is gone/, /^skipped/],
    ],
    ['a confirmation that is refused', policy({}, PRIVATE), false, [/^wrong: .*confirmationNS/, /^skipped/]],
    ['none', policy({}, { ...PRIVATE, 'network.trr.confirmationNS': 'skip' }), false, [/^well/, /^skipped/]],
    [
      'another token',
      policy({ ProviderURL: own.replace('ab2c', 'zz2c') }, PRIVATE),
      true,
      [/^wrong: .*its token is not the one/, /^skipped/],
    ],
    [
      'a profile',
      profile('mode", 3', `uri", "${own}"`, 'allow-rfc1918", true'),
      true,
      [/^well: .*p\.default asks this resolver alone/, /^skipped/],
    ],
    [
      'a profile that is off',
      profile('mode", 5', `uri", "${own}"`, 'allow-rfc1918", true'),
      true,
      [/^wrong: .*is off/, /^skipped/],
    ],
    [
      'a profile without mode',
      profile(`custom_uri", "${own}"`, 'allow-rfc1918", true'),
      true,
      [/^advice: .*no mode/, /^skipped/],
    ],
    [
      'Chrome',
      chrome({ DnsOverHttpsMode: 'secure', DnsOverHttpsTemplates: TEMPLATE }),
      true,
      [/^skipped/, /^well: .*m\.json asks this resolver alone/],
    ],
    [
      'Chrome with others',
      chrome({ DnsOverHttpsMode: 'automatic', DnsOverHttpsTemplates: `https://o.test/q ${TEMPLATE}` }),
      true,
      [/^skipped/, /^advice: .*automatic/],
    ],
    [
      'Chrome without a mode',
      chrome({ DnsOverHttpsTemplates: TEMPLATE }),
      true,
      [/^skipped/, /^advice: .*DnsOverHttpsMode/],
    ],
    [
      'Chrome alone with a resolver that refuses',
      chrome({ DnsOverHttpsMode: 'secure', DnsOverHttpsTemplates: TEMPLATE }),
      false,
      [/^skipped/, /^wrong: .*the web is gone/],
    ],
    [
      'Chrome by its settings',
      {
        '/home/u/.config/chromium/Local State': JSON.stringify({
          dns_over_https: { mode: 'secure', templates: TEMPLATE },
        }),
      },
      undefined,
      [/^skipped/, /^well: .*Local State/],
    ],
  ])('%s', async (_, files, forwards, words) => {
    const findings = judgeBrowsers(await readBrowsers(machine(files)), { url, forwards, hasPrivate: true });
    expect(findings.map((one) => line(one))).toEqual(words.map((one) => expect.stringMatching(one)));
    expect(JSON.stringify(findings)).not.toMatch(/[bz]2c/);
  });

  it('keep what is of other profiles, and take user.js over prefs.js', async () => {
    const files = {
      ...profile('mode", 2', `uri", "${own}"`),
      '/home/u/.mozilla/firefox/p.default/user.js': 'user_pref("network.trr.allow-rfc1918", true);',
      '/home/u/.mozilla/firefox/other/prefs.js': 'user_pref("browser.x", 1);',
    };
    const [firefox] = judgeBrowsers(await readBrowsers(machine(files)), {
      url,
      forwards: true,
      hasPrivate: true,
    });
    expect(firefox?.verdict).toBe('well');
  });

  it.each([
    ['blanks', `user_pref("network.trr.uri",${' '.repeat(60_000)}`],
    ['tabs in a value', `user_pref("network.trr.uri", "${'\t'.repeat(60_000)}`],
    ['empty lines', `user_pref("network.trr.uri",${'\n'.repeat(60_000)}`],
    ['a name', `user_pref("network.trr.${'a'.repeat(60_000)}`],
  ])('of %s without end are read in no time', async (_, text) => {
    const files = {
      '/home/u/.mozilla/firefox/p.default/prefs.js': `user_pref("network.trr.uri",\t "${own}");\n${text}\n`,
    };
    const started = performance.now();
    const [found] = await readBrowsers(machine(files));
    expect(performance.now() - started).toBeLessThan(400);
    expect(found?.urls).toEqual([own]);
  });
});
