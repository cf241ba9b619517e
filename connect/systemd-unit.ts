/** What runs the stub: the program, where it listens, and the zones it is asked for. */
export type StubUnit = {
  /** As in `ExecStart=`: an absolute path, and arguments that stand before `stub`. */
  readonly stubCommand: string;
  /** Address and port, `127.0.0.1:5354`. */
  readonly listen: string;
  readonly zones: readonly string[];
  readonly addresses: readonly string[];
  readonly hasCa: boolean;
};

export const LINK = 'mesos0';
/** Of the link, of RFC 2544's range for tests of networks: nothing is ever sent there. */
export const LINK_ADDRESS = '198.18.53.53/32';
export const ENV_FILE = '/etc/mesos-doh.env';
/** A copy, which the unit's user can read wherever the first stands. */
export const CA_FILE = '/etc/mesos-doh-ca.pem';
export const MARK = '# Written by mesos-doh connect systemd; --undo removes it.';

/** The unit of the stub. It starts without a network, and answers when there is one. */
export function stubUnitText(unit: StubUnit): string {
  const { stubCommand, listen, zones, addresses, hasCa } = unit;
  const words = [stubCommand, 'stub', '--listen', listen];
  for (const zone of zones) words.push('--zone', zone);
  for (const address of addresses) words.push('--bootstrap', address);
  if (hasCa) words.push('--ca', CA_FILE);
  const lines = [
    MARK,
    '[Unit]',
    'Description=Mesos names on this machine, by DNS over HTTPS',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=notify',
    'NotifyAccess=all',
    `EnvironmentFile=${ENV_FILE}`,
    `ExecStart=${words.join(' ')}`,
    'Restart=always',
    // As short as may be: meanwhile our names are not found.
    'RestartSec=200ms',
    'WatchdogSec=60',
    // Addresses of the DoH host, for a start without DNS.
    'StateDirectory=mesos-doh-stub',
    // Node grows its heap before it clears it: without these it takes 3 to 4 times the memory at the same speed.
    'Environment="NODE_OPTIONS=--max-semi-space-size=1 --max-old-space-size=64"',
    'MemoryMax=256M',
    ...sandbox(listen),
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ];
  return lines.join('\n');
}

/** Where the stub of such a unit listens. */
export function listenOf(unitText: string): string | undefined {
  return / stub --listen (\S+)/.exec(unitText)?.[1];
}

/**
 * The unit that makes a link and tells resolved what to ask by it: again whenever resolved starts. It leaves the link
 * where it is when it stops, so that resolved, which remembers the settings of a link that stays, has no moment
 * without them in which the names would go elsewhere.
 */
export function linkUnitText({ listen, zones }: Pick<StubUnit, 'listen' | 'zones'>): string {
  const lines = [
    MARK,
    '[Unit]',
    'Description=Link by which systemd-resolved asks for Mesos names',
    'After=systemd-resolved.service',
    'PartOf=systemd-resolved.service',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=oneshot',
    'RemainAfterExit=yes',
    `ExecStart=-ip link add ${LINK} type dummy`,
    `ExecStart=ip addr replace ${LINK_ADDRESS} dev ${LINK}`,
    `ExecStart=ip link set ${LINK} up`,
    ...linkSettings({ listen, zones }).map((setting) => `ExecStart=resolvectl ${setting}`),
    'Restart=on-failure',
    'RestartSec=2',
    '',
    '[Install]',
    'WantedBy=multi-user.target systemd-resolved.service',
    '',
  ];
  return lines.join('\n');
}

/**
 * What resolvectl tells resolved about the link. The servers come last: a link that has some, and no domains yet,
 * is asked for every name. The rest keeps resolved's global settings away from it: the zone has no DNSSEC, the stub
 * no TLS, and nobody on the link hears multicast.
 */
function linkSettings({ listen, zones }: Pick<StubUnit, 'listen' | 'zones'>): readonly string[] {
  return [
    `default-route ${LINK} no`,
    `domain ${LINK} ${routed(zones)}`,
    `dnssec ${LINK} no`,
    `dnsovertls ${LINK} no`,
    `llmnr ${LINK} no`,
    `mdns ${LINK} no`,
    `dns ${LINK} ${serverOf(listen)}`,
  ];
}

/** Domains that route and never complete a short name: `~mesos`. */
export function routed(zones: readonly string[]): string {
  return zones.map((zone) => `~${zone}`).join(' ');
}

/** Port 53 is not said: resolved before 246 knows no other. */
export function serverOf(listen: string): string {
  return listen.replace(/:53$/, '');
}

function sandbox(listen: string): readonly string[] {
  const isPrivileged = Number(/\d+$/.exec(listen)?.[0] ?? 0) < 1024;
  return [
    'DynamicUser=yes',
    `CapabilityBoundingSet=${isPrivileged ? 'CAP_NET_BIND_SERVICE' : ''}`,
    ...(isPrivileged ? ['AmbientCapabilities=CAP_NET_BIND_SERVICE'] : []),
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'ProtectHome=yes',
    'ProtectProc=invisible',
    'ProtectClock=yes',
    'ProtectControlGroups=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'PrivateDevices=yes',
    'LockPersonality=yes',
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
    'RestrictNamespaces=yes',
    'RestrictRealtime=yes',
    'SystemCallArchitectures=native',
    'SystemCallFilter=@system-service',
    'SystemCallErrorNumber=EPERM',
    'UMask=0077',
  ];
}
