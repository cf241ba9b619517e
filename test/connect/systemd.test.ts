import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Kit, Target } from '../../connect/kit.ts';
import { canBeNative, systemdKit, type SystemdMachine } from '../../connect/systemd.ts';
import { listenOf } from '../../connect/systemd-unit.ts';

const TOKEN = `mdt_${'a'.repeat(32)}`;
const TARGET: Target = { dohUrl: `https://doh.example.com/t/${TOKEN}/dns-query`, zones: ['mesos'] };
const DEBIAN_12: SystemdMachine = { systemdVersion: 252, stubCommand: '/usr/bin/mesos-doh' };

/** The values of a key, in their order. */
function values(kit: Kit, path: string, key: string): string[] {
  const text = kit.files.find((file) => file.path === path)?.text ?? '';
  return [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

function paths({ files }: Kit): string[] {
  return files.map(({ path, mode }) => `${path} ${mode.toString(8)}`);
}

const STUB = '/etc/systemd/system/mesos-doh.service';
const LINK = '/etc/systemd/system/mesos-doh-link.service';
const DELEGATE = '/etc/systemd/dns-delegate.d/mesos.dns-delegate';
const NEGATIVE = '/etc/dnssec-trust-anchors.d/mesos.negative';
const NETWORK = '/etc/systemd/network/05-mesos-doh.network';

describe('systemd before 258', () => {
  const kit = systemdKit(TARGET, DEBIAN_12);

  it('has a stub, a link of its own, and the token where root alone reads it', () => {
    expect(paths(kit)).toEqual(['/etc/mesos-doh.env 600', `${STUB} 644`, `${LINK} 644`]);
    expect(values(kit, '/etc/mesos-doh.env', 'MESOS_DOH_URL')).toEqual([TARGET.dohUrl]);
    for (const { path, text } of kit.files)
      expect(text.includes(TOKEN), path).toBe(path === '/etc/mesos-doh.env');
    expect(JSON.stringify([kit.apply, kit.undo, kit.check, kit.notes])).not.toContain(TOKEN);
  });

  it('asks the stub for the zone alone, and names no server before the domains', () => {
    expect(values(kit, STUB, 'ExecStart')).toEqual([
      '/usr/bin/mesos-doh stub --listen 127.0.0.1:5354 --zone mesos',
    ]);
    const said = values(kit, LINK, 'ExecStart').filter((line) => line.startsWith('resolvectl'));
    expect(said[0]).toBe('resolvectl default-route mesos0 no');
    expect(said).toContain('resolvectl domain mesos0 ~mesos');
    expect(said).toContain('resolvectl dnssec mesos0 no');
    expect(said).toContain('resolvectl dnsovertls mesos0 no');
    expect(said.at(-1)).toBe('resolvectl dns mesos0 127.0.0.1:5354');
  });

  it('has the limits of deploy/mesos-doh-stub.service, and is back at once after its end', async () => {
    const deployed = await readFile(new URL('../../deploy/mesos-doh-stub.service', import.meta.url), 'utf8');
    for (const key of ['MemoryMax', 'WatchdogSec', 'NotifyAccess', 'Environment'])
      expect(values(kit, STUB, key), key).toEqual([new RegExp(`^${key}=(.*)$`, 'm').exec(deployed)?.[1]]);
    expect(values(kit, STUB, 'RestartSec')).toEqual(['200ms']);
    expect(listenOf(kit.files.find(({ path }) => path === STUB)?.text ?? '')).toBe('127.0.0.1:5354');
    expect(listenOf('')).toBeUndefined();
  });

  it('tells resolved again whenever it starts, and never takes the link away meanwhile', () => {
    expect(values(kit, LINK, 'PartOf')).toEqual(['systemd-resolved.service']);
    expect(values(kit, LINK, 'WantedBy')).toEqual(['multi-user.target systemd-resolved.service']);
    expect(values(kit, LINK, 'ExecStop(?:Post)?')).toEqual([]);
    expect(kit.afterUndo).toContain('ip link del mesos0');
  });

  it('asks resolved before 246 by port 53 or not at all', () => {
    const old = { ...DEBIAN_12, systemdVersion: 245 };
    expect(() => systemdKit(TARGET, old)).toThrow('--listen 127.0.53.53:53');
    const on53 = systemdKit(TARGET, { ...old, listen: '127.0.53.53:53' });
    expect(values(on53, LINK, 'ExecStart').at(-1)).toBe('resolvectl dns mesos0 127.0.53.53');
    expect(values(on53, STUB, 'AmbientCapabilities')).toEqual(['CAP_NET_BIND_SERVICE']);
    expect(values(kit, STUB, 'AmbientCapabilities')).toEqual([]);
    expect(values(kit, STUB, 'CapabilityBoundingSet')).toEqual(['']);
  });

  it('has all zones, the addresses and the authority of the DoH host', () => {
    const all = systemdKit(
      {
        ...TARGET,
        zones: ['mesos', 'dc1.mesos'],
        addresses: ['203.0.113.10', '2001:db8::1'],
        caPem: 'PEM\n',
      },
      DEBIAN_12,
    );
    expect(values(all, STUB, 'ExecStart')[0]).toMatch(
      / --zone mesos --zone dc1\.mesos --bootstrap 203\.0\.113\.10 --bootstrap 2001:db8::1 --ca \/etc\/mesos-doh-ca\.pem$/,
    );
    expect(values(all, LINK, 'ExecStart')).toContain('resolvectl domain mesos0 ~mesos ~dc1.mesos');
    expect(all.files.find(({ path }) => path === '/etc/mesos-doh-ca.pem')).toMatchObject({
      mode: 0o644,
      text: 'PEM\n',
    });
  });

  it.each(['https://127.0.0.1:8443/dns-query', 'https://[::1]:8443/dns-query'])(
    'gives the stub no address beside that in %s',
    (dohUrl) => {
      const kit = systemdKit({ ...TARGET, dohUrl, addresses: ['127.0.0.1'] }, DEBIAN_12);
      expect(values(kit, STUB, 'ExecStart')[0]).not.toContain('--bootstrap');
    },
  );
});

describe('systemd-networkd', () => {
  it('makes the link, with the same settings', () => {
    const kit = systemdKit({ ...TARGET, zones: ['mesos', 'b'] }, { ...DEBIAN_12, isNetworkd: true });
    expect(paths(kit)).toContain('/etc/systemd/network/05-mesos-doh.netdev 644');
    expect(kit.files.map(({ path }) => path)).not.toContain(LINK);
    const settings = ['DNS', 'Domains', 'DNSDefaultRoute', 'DNSSEC', 'DNSOverTLS', 'LLMNR', 'MulticastDNS'];
    expect(settings.map((key) => values(kit, NETWORK, key)[0])).toEqual([
      '127.0.0.1:5354',
      '~mesos ~b',
      'no',
      'no',
      'no',
      'no',
      'no',
    ]);
  });
});

describe('systemd 258 and later', () => {
  const machine = { ...DEBIAN_12, systemdVersion: 258 };

  it('has a delegate that routes and does not complete short names', () => {
    const kit = systemdKit(TARGET, machine);
    expect(paths(kit)).toEqual([
      '/etc/mesos-doh.env 600',
      `${STUB} 644`,
      `${DELEGATE} 644`,
      `${NEGATIVE} 644`,
    ]);
    expect(values(kit, DELEGATE, 'DNS')).toEqual(['127.0.0.1:5354']);
    expect(values(kit, DELEGATE, 'Domains')).toEqual(['~mesos']);
    expect(values(kit, DELEGATE, 'DefaultRoute')).toEqual([]);
  });

  it('does not put the built-in negative trust anchors out of force', () => {
    const anchors = (isOther: boolean): string[] =>
      (systemdKit(TARGET, { ...machine, hasNegativeAnchors: isOther }).files.at(-1)?.text ?? '')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith(';'));
    expect(anchors(true)).toEqual(['mesos']);
    expect(anchors(false)).toEqual(
      expect.arrayContaining(['mesos', '10.in-addr.arpa', '31.172.in-addr.arpa', 'local']),
    );
    expect(anchors(false)).not.toContain('32.172.in-addr.arpa');
  });
});

describe('a systemd-resolved that asks a DoH URL itself', () => {
  const machine = { ...DEBIAN_12, systemdVersion: 263 };

  it('needs no stub where an address is known', () => {
    const kit = systemdKit({ ...TARGET, addresses: ['203.0.113.10', '2001:db8::1'] }, machine);
    expect(paths(kit)).toEqual([`${DELEGATE} 640`, `${NEGATIVE} 644`]);
    expect(values(kit, DELEGATE, 'DNS')).toEqual([
      `203.0.113.10#${TARGET.dohUrl}{?dns} 2001:db8::1#${TARGET.dohUrl}{?dns}`,
    ]);
    expect(kit.apply[0]).toBe(`chgrp systemd-resolve ${DELEGATE}`);
  });

  it.each([
    ['no address is known', TARGET, 263],
    ['it is older', { ...TARGET, addresses: ['203.0.113.10'] }, 262],
    [
      'the system does not trust the certificate',
      { ...TARGET, addresses: ['203.0.113.10'], caPem: 'PEM' },
      263,
    ],
    [
      'there is no TLS',
      { ...TARGET, dohUrl: 'http://127.0.0.1:8787/dns-query', addresses: ['127.0.0.1'] },
      263,
    ],
  ] as const)('has the stub where %s', (_, target, systemdVersion) => {
    const kit = systemdKit(target, { ...machine, systemdVersion });
    expect(kit.files.map(({ path }) => path)).toContain(STUB);
    expect(canBeNative(target, systemdVersion)).toBe(target === TARGET);
  });
});

describe('what systemd would read as something else', () => {
  it.each<[string, Partial<Target>, Partial<SystemdMachine>]>([
    ['--stub-command', {}, { stubCommand: '/usr/bin/mesos-doh\nExecStartPre=/bin/sh' }],
    ['--address', { addresses: ['fe80::1%i'] }, {}],
    ['--zone', { zones: ['-x'] }, {}],
    ['--zone', { zones: ['%i'] }, {}],
    ['DoH URL', { dohUrl: `${TARGET.dohUrl}?a=b` }, {}],
    ['DoH URL', { dohUrl: `${TARGET.dohUrl}\\` }, {}],
    ['DoH URL', { dohUrl: `${TARGET.dohUrl}\nNODE_OPTIONS=x` }, {}],
  ])('is refused, without the token: %s', (said, target, machine) => {
    const make = (): Kit => systemdKit({ ...TARGET, ...target }, { ...DEBIAN_12, ...machine });
    expect(make).toThrow(RangeError);
    expect(make).toThrow(said);
    expect(make).not.toThrow(/mdt_/);
  });
});
