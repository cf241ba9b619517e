import { describe, expect, it, type TestContext } from 'vitest';
import { appleKit } from '../../connect/apple.ts';
import { chromiumKit } from '../../connect/chromium.ts';
import { curlCommand, curlKit } from '../../connect/curl.ts';
import { dnsdistKit } from '../../connect/dnsdist.ts';
import { firefoxKit } from '../../connect/firefox.ts';
import type { Kit, Target } from '../../connect/kit.ts';
import { windowsKit } from '../../connect/windows.ts';
import { installed, run } from '../system/served-page.ts';

const URL_WITH_TOKEN = 'https://doh.example.com/t/mdt_secret/dns-query';
const TARGET: Target = { dohUrl: URL_WITH_TOKEN, zones: ['mesos', 'dc1.mesos'] };
const CA = {
  caFile: '/etc/mesos-doh/ca.pem',
  caPem: '-----BEGIN CERTIFICATE-----\nAAECAw==\n-----END CERTIFICATE-----\n',
};

const policiesOf = (kit: Kit): unknown => JSON.parse(kit.files[0]?.text ?? '');
/** As Python's plistlib reads it; octets in hexadecimal. */
async function plistOf(context: TestContext, kit: Kit): Promise<ReturnType<typeof JSON.parse>> {
  const python = await installed(context, ['python3'], ['--version']);
  const script =
    'import sys,json,plistlib\n' +
    'print(json.dumps(plistlib.loads(sys.stdin.buffer.read()), default=lambda octets: octets.hex()))';
  const { stdout } = await run(python, ['-c', script], { input: kit.files[0]?.text ?? '' });
  return JSON.parse(stdout.toString());
}

describe('firefox', () => {
  it('asks nobody else where this resolver answers all names', () => {
    const { files } = firefoxKit({ ...TARGET, forwards: true });
    expect(files).toMatchObject([{ path: '/etc/firefox/policies/policies.json', mode: 0o644 }]);
    expect(JSON.parse(files[0]?.text ?? '')).toEqual({
      policies: {
        DNSOverHTTPS: { Enabled: true, ProviderURL: URL_WITH_TOKEN, Fallback: false, Locked: true },
        Preferences: { 'network.trr.allow-rfc1918': { Value: true, Status: 'locked' } },
      },
    });
  });

  it.each([false, undefined])(
    'falls back, without a public name first, where forwarding is %s',
    (forwards) => {
      expect(policiesOf(firefoxKit({ ...TARGET, forwards }))).toMatchObject({
        policies: {
          DNSOverHTTPS: { Fallback: true },
          Preferences: { 'network.trr.confirmationNS': { Value: 'skip', Status: 'locked' } },
        },
      });
    },
  );

  it('is told where the resolver is, and whom to trust', () => {
    expect(
      policiesOf(firefoxKit({ ...TARGET, ...CA, addresses: ['203.0.113.10', '203.0.113.11'] })),
    ).toMatchObject({
      policies: {
        Preferences: { 'network.trr.bootstrapAddr': { Value: '203.0.113.10', Status: 'locked' } },
        Certificates: { Install: ['/etc/mesos-doh/ca.pem'] },
      },
    });
  });
});

describe('chrome and its kin', () => {
  const target: Target = { ...TARGET, forwards: true };

  it.each([
    ['chrome', '/etc/opt/chrome/policies/managed/mesos-doh.json'],
    ['chromium', '/etc/chromium/policies/managed/mesos-doh.json'],
    ['edge', '/etc/opt/edge/policies/managed/mesos-doh.json'],
  ] as const)('%s reads a file of its own, and asks by GET', (browser, path) => {
    const kit = chromiumKit({ ...target, ...CA }, { browser });
    expect(kit.files).toMatchObject([{ path, mode: 0o644 }]);
    expect(policiesOf(kit)).toEqual({
      DnsOverHttpsMode: 'secure',
      DnsOverHttpsTemplates: `${URL_WITH_TOKEN}{?dns}`,
      CACertificates: ['AAECAw=='],
    });
  });

  it('is told where the resolver is, but not by what Windows would lose the quotes of', () => {
    const placed = { ...target, addresses: ['203.0.113.10', '2001:db8::1'] };
    const template = `${URL_WITH_TOKEN}{?dns}`;
    const text = chromiumKit(placed).files[0]?.text ?? '';
    expect(JSON.parse(JSON.parse(text).DnsOverHttpsTemplates)).toEqual({
      servers: [{ template, endpoints: [{ ips: ['203.0.113.10', '2001:db8::1'] }] }],
    });
    expect(chromiumKit(placed, { system: 'windows' }).apply.join('\n')).toContain(`/d '${template}' /f`);
    const byAddress = {
      forwards: true,
      dohUrl: 'https://203.0.113.10/dns-query',
      zones: ['mesos'],
      addresses: ['203.0.113.10'],
    };
    expect(policiesOf(chromiumKit(byAddress))).toMatchObject({
      DnsOverHttpsTemplates: 'https://203.0.113.10/dns-query{?dns}',
    });
    expect(firefoxKit(byAddress).files[0]?.text).not.toContain('bootstrapAddr');
  });

  it('says how to trust an authority whose file was not read', () => {
    const { notes } = chromiumKit({ ...target, caFile: "/it's" });
    expect(notes.join('\n')).toContain(`-i '/it'\\''s'`);
  });

  it.each([
    ['linux', false],
    ['windows', false],
    ['macos', undefined],
  ] as const)('nothing is done on %s for a resolver of which forwarding is %s', (system, forwards) => {
    const kit = chromiumKit({ ...TARGET, forwards }, { browser: 'chrome', system });
    expect([kit.files, kit.apply, kit.undo]).toEqual([[], [], []]);
    expect(kit.notes.join('\n')).toMatch(/connect the system instead/);
  });

  it('is in the registry of Windows, and out of it again', () => {
    const kit = chromiumKit({ ...target, ...CA }, { browser: 'edge', system: 'windows' });
    const key = String.raw`HKLM\SOFTWARE\Policies\Microsoft\Edge`;
    expect(kit.apply).toEqual([
      `reg add '${key}' /v DnsOverHttpsMode /t REG_SZ /d 'secure' /f`,
      `reg add '${key}' /v DnsOverHttpsTemplates /t REG_SZ /d '${URL_WITH_TOKEN}{?dns}' /f`,
      `reg add '${key}\\CACertificates' /v 1 /t REG_SZ /d 'AAECAw==' /f`,
    ]);
    expect(kit.undo).toEqual([
      `reg delete '${key}' /v DnsOverHttpsMode /f`,
      `reg delete '${key}' /v DnsOverHttpsTemplates /f`,
      `reg delete '${key}\\CACertificates' /v 1 /f`,
    ]);
  });

  it('is a profile on macOS', async (context) => {
    const kit = chromiumKit(target, { browser: 'chrome', system: 'macos' });
    expect((await plistOf(context, kit)).PayloadContent).toMatchObject([
      { PayloadType: 'com.google.Chrome', DnsOverHttpsTemplates: `${URL_WITH_TOKEN}{?dns}` },
    ]);
  });
});

describe('apple', () => {
  it('is a profile that splits: our zones here, others as before', async (context) => {
    const kit = appleKit({ ...TARGET, ...CA, addresses: ['203.0.113.10'] });
    expect(kit.files).toMatchObject([{ path: 'mesos-doh.mobileconfig', mode: 0o600 }]);
    const profile = await plistOf(context, kit);
    expect(profile).toMatchObject({
      PayloadType: 'Configuration',
      PayloadVersion: 1,
      PayloadDisplayName: '.mesos, .dc1.mesos by doh.example.com',
      PayloadContent: [
        {
          PayloadType: 'com.apple.dnsSettings.managed',
          PayloadVersion: 1,
          ProhibitDisablement: false,
          DNSSettings: {
            DNSProtocol: 'HTTPS',
            ServerURL: URL_WITH_TOKEN,
            ServerAddresses: ['203.0.113.10'],
            SupplementalMatchDomains: ['mesos', 'dc1.mesos'],
          },
        },
        { PayloadType: 'com.apple.security.root', PayloadContent: '00010203' },
      ],
    });
    const uuid = /^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/;
    const payloads = [profile, ...profile.PayloadContent];
    for (const key of ['PayloadUUID', 'PayloadIdentifier'])
      expect(new Set(payloads.map((payload) => payload[key])).size).toBe(3);
    for (const { PayloadUUID } of payloads) expect(PayloadUUID).toMatch(uuid);
  });

  it('takes the place of its earlier self with a new token or order of zones, and of no other profile', async (context) => {
    const identity = async (target: Target): Promise<string> => {
      const { PayloadIdentifier, PayloadUUID, PayloadContent } = await plistOf(context, appleKit(target));
      return JSON.stringify([PayloadIdentifier, PayloadUUID, PayloadContent[0].PayloadUUID]);
    };
    const own = await identity(TARGET);
    const newToken = 'https://doh.example.com/t/mdt_other/dns-query';
    expect(await identity({ dohUrl: newToken, zones: ['dc1.mesos', 'mesos'], ...CA })).toBe(own);
    expect(await identity({ ...TARGET, zones: ['mesos'] })).not.toBe(own);
    expect(await identity({ ...TARGET, dohUrl: URL_WITH_TOKEN.replace('doh.', 'dns.') })).not.toBe(own);
    expect(own).not.toContain('mdt_');
  });
});

describe('windows', () => {
  it('asks a DoH server by its addresses for our zones alone', () => {
    const kit = windowsKit({ ...TARGET, caFile: String.raw`C:\ca's.pem`, addresses: ['203.0.113.10'] });
    const removeRules =
      "Get-DnsClientNrptRule | Where-Object Comment -eq 'mesos-doh' | Remove-DnsClientNrptRule -Force";
    const removeServer =
      "Remove-DnsClientDohServerAddress -ServerAddress '203.0.113.10' -ErrorAction SilentlyContinue";
    expect(kit.apply).toEqual([
      String.raw`certutil -addstore -f Root 'C:\ca''s.pem'`,
      removeServer,
      `Add-DnsClientDohServerAddress -ServerAddress '203.0.113.10' -DohTemplate '${URL_WITH_TOKEN}' -AllowFallbackToUdp $false -AutoUpgrade $true`,
      removeRules,
      "Add-DnsClientNrptRule -Namespace '.mesos','.dc1.mesos' -NameServers '203.0.113.10' -Comment 'mesos-doh'",
      'Clear-DnsClientCache',
    ]);
    expect(kit.undo).toEqual([
      removeRules,
      removeServer,
      String.raw`Remove-Item ('Cert:\LocalMachine\Root\' + (New-Object Security.Cryptography.X509Certificates.X509Certificate2 'C:\ca''s.pem').Thumbprint)`,
      'Clear-DnsClientCache',
    ]);
  });

  it('asks the stub where no address will stay', () => {
    const { apply, notes } = windowsKit(TARGET);
    expect(apply.join('\n')).toContain("-NameServers '127.0.0.1'");
    expect(apply.join('\n')).not.toContain('DohServerAddress');
    expect(notes.join('\n')).toContain('mesos-doh stub --listen 127.0.0.1:53 --zone mesos --zone dc1.mesos');
  });
});

describe('curl', () => {
  it('has the URL in a file of its owner, not on a command line', () => {
    const kit = curlKit({ ...TARGET, caFile: '/etc/mesos-doh/ca.pem' });
    expect(kit.files).toEqual([
      {
        path: 'mesos-doh.curl',
        mode: 0o600,
        text: `doh-url = "${URL_WITH_TOKEN}"\ncacert = "/etc/mesos-doh/ca.pem"\n`,
      },
    ]);
    expect(kit.check).not.toContain('mdt_');
  });

  it('is checked with the file that a person chose', () => {
    const kit = curlKit(TARGET, 'my own.curl');
    expect(kit.files[0]?.path).toBe('my own.curl');
    expect(kit.check).toMatch(/^curl -K 'my own\.curl' -sS/);
  });

  it('is one command where the URL is no secret', () => {
    expect(curlCommand({ ...TARGET, caFile: '/a b' }, 'http://search.marathon.mesos:31000/')).toBe(
      `curl --doh-url ${URL_WITH_TOKEN} --cacert '/a b' http://search.marathon.mesos:31000/`,
    );
  });
});

describe('dnsdist', () => {
  it('has a server an address, checked by name, and our zones alone', () => {
    const kit = dnsdistKit({ ...TARGET, addresses: ['203.0.113.10', '2001:db8::1'] });
    expect(kit.files[0]).toMatchObject({ path: '/etc/dnsdist/dnsdist-mesos-doh.conf', mode: 0o600 });
    const text = kit.files[0]?.text ?? '';
    expect(text).toContain(
      "newServer({address='203.0.113.10:443', tls='openssl', subjectName='doh.example.com',",
    );
    expect(text).toContain("newServer({address='[2001:db8::1]:443'");
    expect(text).toContain("dohPath='/t/mdt_secret/dns-query', validateCertificates=true,\n");
    expect(text).toContain("ours:add(newDNSName('dc1.mesos.'))");
  });

  it.each([
    ['/etc/dnsdist/dnsdist-office.conf', 'chown _dnsdist /etc/dnsdist/dnsdist-office.conf', 'dnsdist@office'],
    [
      'my.conf',
      'install -o _dnsdist -m 0600 my.conf /etc/dnsdist/dnsdist-mesos-doh.conf',
      'dnsdist@mesos-doh',
    ],
  ])('is started from the file that a person chose: %s', (file, first, unit) => {
    const kit = dnsdistKit({ ...TARGET, addresses: ['203.0.113.10'] }, file);
    expect(kit.apply).toEqual([first, `systemctl enable --now ${unit}`]);
    expect(kit.undo).toEqual([`systemctl disable --now ${unit}`]);
  });

  it('asks for an address where the URL has none', () => {
    expect(() => dnsdistKit(TARGET)).toThrow(/^--address: .* where doh\.example\.com is/);
    expect(dnsdistKit({ ...TARGET, dohUrl: 'https://203.0.113.10/dns-query' }).files[0]?.text).toContain(
      "address='203.0.113.10:443'",
    );
  });
});

describe('every kit', () => {
  const target = { ...TARGET, forwards: true, addresses: ['203.0.113.10'] };
  const kits = [
    firefoxKit(target),
    chromiumKit(target),
    chromiumKit(target, { browser: 'edge', system: 'macos' }),
    appleKit(target),
    windowsKit(target),
    windowsKit(TARGET),
    curlKit(target),
    dnsdistKit(target),
  ];

  it.each(kits.map((kit) => [kit.client, kit] as const))(
    '%s keeps the token out of notes and checks',
    (_, kit) => {
      expect([...kit.notes, kit.check, ...kit.undo].join('\n')).not.toContain('mdt_');
    },
  );

  it.each(kits.map((kit) => [kit.client, kit] as const))(
    '%s warns, where others can read its token',
    (_, kit) => {
      const readable = kit.files.some(({ mode, text }) => (mode & 0o044) !== 0 && text.includes('mdt_'));
      expect(!readable || kit.notes.some((note) => /can read/.test(note))).toBe(true);
    },
  );

  it('needs a zone where none would mean all names', () => {
    for (const make of [appleKit, windowsKit, dnsdistKit])
      expect(() => make({ ...target, zones: [] })).toThrow(/--zone mesos/);
  });
});
