import { canonicalAddress } from '../zone/address.ts';
import type { Kit, KitFile, SystemdForm, Target } from './kit.ts';
import {
  DELEGATE_FILE,
  LINK_FILE,
  NEGATIVE_FILE,
  NETDEV_FILE,
  NETWORK_FILE,
  STUB_FILE,
  SYSTEMD_COMMANDS,
} from './systemd-forms.ts';
import {
  CA_FILE,
  ENV_FILE,
  LINK,
  LINK_ADDRESS,
  linkUnitText,
  MARK,
  routed,
  serverOf,
  stubUnitText,
} from './systemd-unit.ts';

/** What has to be known of the machine. */
export type SystemdMachine = {
  /** The number in the first line of `systemctl --version`. */
  readonly systemdVersion: number;
  /** systemd-networkd makes the link and tells resolved about it. */
  readonly isNetworkd?: boolean;
  /** How the stub is started: an absolute path, and arguments that stand before `stub`. */
  readonly stubCommand: string;
  /** Where the stub listens, `127.0.0.1:5354`. */
  readonly listen?: string;
  /** There are negative trust anchors of somebody's: resolved's built-in ones are out of force already. */
  readonly hasNegativeAnchors?: boolean;
};

/** Where resolved asks the stub, unless told otherwise. */
const DEFAULT_LISTEN = '127.0.0.1:5354';
/** The first resolved with `*.dns-delegate` files: systemd.dns-delegate(5), "Added in version 258". */
const HAS_DELEGATES = 258;
/** The first resolved that may speak DNS over HTTPS itself: systemd/systemd pull request 43065. */
const HAS_DOH = 263;
/** The first resolved that takes a port in `DNS=`; older ones ask port 53. */
const HAS_PORTS = 246;
// eslint-disable-next-line no-control-regex -- exactly those: a line end would start a setting of its own
const CONTROL = /[\u0000-\u001f\u007f]/;
/** Means something else, or an end, in a file of variables (systemd.exec(5), EnvironmentFile=) or in resolved's. */
const NOT_IN_URL = /[\s\\"'?#]/;

/**
 * The files with which systemd-resolved sends the names of our zones to us and no other name: a link of our own
 * before 258, a delegate from then on, and from 263 DNS over HTTPS without the stub where an address is known.
 * Throws where this resolved can't do it.
 */
export function systemdKit(target: Target, machine: SystemdMachine): Kit {
  const { systemdVersion, isNetworkd = false, listen = DEFAULT_LISTEN } = machine;
  needPlain(target, machine);
  if (systemdVersion < HAS_PORTS && !listen.endsWith(':53'))
    throw new RangeError(
      `resolved of systemd ${systemdVersion} asks port 53 alone (${HAS_PORTS} is the first that asks others): ` +
        'give --listen 127.0.53.53:53',
    );
  if (isNetworkd) return networkdKit(target, machine, listen);
  if (canBeNative(target, systemdVersion) && (target.addresses ?? []).length > 0)
    return nativeKit(target, machine);
  return systemdVersion >= HAS_DELEGATES
    ? delegateKit(target, machine, listen)
    : linkKit(target, machine, listen);
}

/** Does this resolved ask a DoH URL itself? It needs an address, and a certificate that the system trusts. */
export function canBeNative({ dohUrl, caPem }: Target, systemdVersion: number): boolean {
  return systemdVersion >= HAS_DOH && caPem === undefined && dohUrl.startsWith('https:');
}

function linkKit(target: Target, machine: SystemdMachine, listen: string): Kit {
  const link = {
    path: LINK_FILE,
    mode: 0o644,
    text: linkUnitText({ listen, zones: target.zones }),
  };
  return {
    ...formOf('link'),
    files: [...stubFiles(target, machine, listen), link],
    check: checkOf(target),
    notes: [
      TOKEN_NOTE,
      `The names of ${target.zones.join(', ')} are asked by the link ${LINK}, nothing else is.`,
    ],
  };
}

/** networkd's settings outlive a restart of resolved; it may also claim links it was not told about. */
function networkdKit(target: Target, machine: SystemdMachine, listen: string): Kit {
  const netdev = [MARK, '[NetDev]', `Name=${LINK}`, 'Kind=dummy', ''];
  const network = [
    MARK,
    '[Match]',
    `Name=${LINK}`,
    '',
    '[Link]',
    'RequiredForOnline=no',
    '',
    '[Network]',
    `Address=${LINK_ADDRESS}`,
    'LinkLocalAddressing=no',
    'IPv6AcceptRA=no',
    `DNS=${serverOf(listen)}`,
    `Domains=${routed(target.zones)}`,
    'DNSDefaultRoute=no',
    'DNSSEC=no',
    'DNSOverTLS=no',
    'LLMNR=no',
    'MulticastDNS=no',
    '',
  ];
  return {
    ...formOf('networkd'),
    files: [
      ...stubFiles(target, machine, listen),
      { path: NETDEV_FILE, mode: 0o644, text: netdev.join('\n') },
      { path: NETWORK_FILE, mode: 0o644, text: network.join('\n') },
    ],
    check: checkOf(target),
    notes: [
      TOKEN_NOTE,
      `The names of ${target.zones.join(', ')} are asked by the link ${LINK}, which systemd-networkd makes.`,
    ],
  };
}

function delegateKit(target: Target, machine: SystemdMachine, listen: string): Kit {
  return {
    ...formOf('delegate'),
    files: [
      ...stubFiles(target, machine, listen),
      delegateFile(target, serverOf(listen), 0o644),
      negativeFile(target, machine),
    ],
    check: checkOf(target),
    notes: [
      TOKEN_NOTE,
      'With DNSOverTLS=yes in resolved.conf the delegate is asked by TLS too, which the stub does not speak: ' +
        'connect with --systemd-version 257 there, for a link with settings of its own.',
    ],
  };
}

/** Written after the sources of the coming resolved; no release had it when this was written. */
function nativeKit(target: Target, machine: SystemdMachine): Kit {
  const servers = (target.addresses ?? []).map((address) => `${address}#${target.dohUrl}{?dns}`).join(' ');
  return {
    ...formOf('native'),
    // Resolved reads it as its own user.
    files: [delegateFile(target, servers, 0o640), negativeFile(target, machine)],
    check: checkOf(target),
    notes: [
      'resolved asks the URL itself, at the addresses in the file: connect again when they change.',
      'The token in the URL is for who may read the file; resolvectl status may show it to all users of the machine.',
      'This form was made for a resolved that was not released yet; --systemd-version 258 gives the one with the stub.',
    ],
  };
}

/** The commands of a form, as a person runs them. */
function formOf(form: SystemdForm): Pick<Kit, 'client' | 'form' | 'apply' | 'undo' | 'afterUndo'> {
  const { apply, undo, forget, afterUndo } = SYSTEMD_COMMANDS[form];
  return { client: 'systemd', form, apply, undo: [...undo, ...forget], afterUndo };
}

/** Throws for what would mean something else where systemd reads it. No URL in a message: it may hold a token. */
function needPlain({ dohUrl, zones, addresses = [] }: Target, { stubCommand }: SystemdMachine): void {
  if (CONTROL.test(stubCommand)) throw new RangeError('--stub-command: has a line end or control character');
  if (CONTROL.test(dohUrl) || NOT_IN_URL.test(dohUrl))
    throw new RangeError('the DoH URL should end with its path, and have no spaces, quotes or backslashes');
  // A unit would take it for a specifier (systemd.unit(5)).
  if (addresses.some((address) => /[^\da-f.:]/i.test(address)))
    throw new RangeError(
      '--address: should be an address without a zone, such as fe80::1 and not fe80::1%eth0',
    );
  // A label with a hyphen first would be a flag of the stub's.
  if (zones.some((zone) => !/^[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)*$/i.test(zone)))
    throw new RangeError('--zone: should be labels of letters, digits, - and _, none with - first');
}

const TOKEN_NOTE = `The URL with its token is in ${ENV_FILE}, which root alone can read.`;

function stubFiles(target: Target, { stubCommand }: SystemdMachine, listen: string): readonly KitFile[] {
  const { dohUrl, zones, caPem } = target;
  // The stub looks no address up, so it is told where a host name is alone.
  const isAddress = canonicalAddress(new URL(dohUrl).hostname.replaceAll(/^\[|\]$/g, '')) !== undefined;
  const addresses = isAddress ? [] : (target.addresses ?? []);
  const unit = stubUnitText({ stubCommand, listen, zones, addresses, hasCa: caPem !== undefined });
  return [
    { path: ENV_FILE, mode: 0o600, text: `${MARK}\nMESOS_DOH_URL=${dohUrl}\n` },
    ...(caPem === undefined ? [] : [{ path: CA_FILE, mode: 0o644, text: caPem }]),
    { path: STUB_FILE, mode: 0o644, text: unit },
  ];
}

/** DefaultRoute= is off unless said otherwise. */
function delegateFile({ zones }: Target, servers: string, mode: number): KitFile {
  const text = `${MARK}\n[Delegate]\nDNS=${servers}\nDomains=${routed(zones)}\n`;
  return { path: DELEGATE_FILE, mode, text };
}

/** Every cluster has a leader. */
function checkOf({ zones }: Target): string {
  return `resolvectl query leader.${zones[0] ?? 'mesos'}`;
}

/**
 * Our zones are not signed. The first negative trust anchor of a machine puts resolved's built-in ones out of force
 * (dnssec-trust-anchors.d(5)), so they are said again.
 */
function negativeFile({ zones }: Target, { hasNegativeAnchors = false }: SystemdMachine): KitFile {
  const lines = ['; Written by mesos-doh connect systemd; --undo removes it.', ...zones];
  if (!hasNegativeAnchors)
    lines.push('; What resolved has built in, and drops for the first file of this kind.', ...BUILT_IN);
  return { path: NEGATIVE_FILE, mode: 0o644, text: `${lines.join('\n')}\n` };
}

/** Of systemd's src/resolve/resolved-dns-trust-anchor.c. */
const BUILT_IN: readonly string[] = [
  'test',
  '10.in-addr.arpa',
  ...Array.from({ length: 16 }, (_, index) => `${index + 16}.172.in-addr.arpa`),
  '168.192.in-addr.arpa',
  'd.f.ip6.arpa',
  'local',
  'home',
  'corp',
  'lan',
  'intranet',
  'internal',
  'private',
  'home.arpa',
  'resolver.arpa',
  'ipv4only.arpa',
  '170.0.0.192.in-addr.arpa',
  '171.0.0.192.in-addr.arpa',
  'alt',
];
