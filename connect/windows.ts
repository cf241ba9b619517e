import type { Kit, Target } from './kit.ts';
import { powershellText } from './quote.ts';
import { knownAddresses, nameToTry, needZones, readTarget, type Resolver } from './resolver.ts';

const MARK = powershellText('mesos-doh');
const STUB_ADDRESS = '127.0.0.1';
const REMOVE_RULES = `Get-DnsClientNrptRule | Where-Object Comment -eq ${MARK} | Remove-DnsClientNrptRule -Force`;
const STUB_VARIABLE = 'MESOS_DOH_URL';

/**
 * Windows 11 and Server 2022, PowerShell as administrator. Our zones' names alone come here, by a name resolution
 * policy. Windows knows a DoH server by its address; where none is given that will stay, the stub on this machine is
 * the server.
 */
export function windowsKit(target: Target): Kit {
  const resolver = readTarget(target);
  const namespaces = needZones(resolver, 'windows').map((zone) => powershellText(`.${zone}`));
  const addresses = knownAddresses(resolver);
  const servers = addresses.length > 0 ? addresses : [STUB_ADDRESS];
  const way = addresses.length > 0 ? byAddress(resolver, addresses) : byStub(resolver);
  const rule = `Add-DnsClientNrptRule -Namespace ${namespaces.join(',')} -NameServers ${servers.map(powershellText).join(',')} -Comment ${MARK}`;
  const name = nameToTry(resolver);
  return {
    client: 'windows',
    files: [],
    apply: [...trust(resolver), ...way.apply, REMOVE_RULES, rule, 'Clear-DnsClientCache'],
    undo: [REMOVE_RULES, ...way.undo, ...distrust(resolver), 'Clear-DnsClientCache'],
    check: `Resolve-DnsName ${powershellText(name)}`,
    notes: ['nslookup does not heed these rules: check with Resolve-DnsName.', ...way.notes],
  };
}

type Way = Pick<Kit, 'apply' | 'undo' | 'notes'>;

function byAddress({ url }: Resolver, addresses: readonly string[]): Way {
  const remove = addresses.map(
    (address) =>
      `Remove-DnsClientDohServerAddress -ServerAddress ${powershellText(address)} -ErrorAction SilentlyContinue`,
  );
  return {
    apply: addresses.flatMap((address, index) => [
      remove[index] ?? '',
      `Add-DnsClientDohServerAddress -ServerAddress ${powershellText(address)} -DohTemplate ${powershellText(url)} -AllowFallbackToUdp $false -AutoUpgrade $true`,
    ]),
    undo: remove,
    notes: [
      'The addresses have to stay: those that Cloudflare gives a Worker may change, and are shared with others.',
    ],
  };
}

function byStub({ url, zones }: Resolver): Way {
  const flags = zones.map((zone) => `--zone ${zone}`).join(' ');
  return {
    apply: [
      `[Environment]::SetEnvironmentVariable(${powershellText(STUB_VARIABLE)}, ${powershellText(url)}, 'User')`,
    ],
    undo: [`[Environment]::SetEnvironmentVariable(${powershellText(STUB_VARIABLE)}, $null, 'User')`],
    notes: [`Keep the stub running, from a new window: mesos-doh stub --listen ${STUB_ADDRESS}:53 ${flags}`],
  };
}

function trust({ caFile }: Resolver): readonly string[] {
  return caFile === undefined ? [] : [`certutil -addstore -f Root ${powershellText(caFile)}`];
}

function distrust({ caFile }: Resolver): readonly string[] {
  if (caFile === undefined) return [];
  const certificate = `New-Object Security.Cryptography.X509Certificates.X509Certificate2 ${powershellText(caFile)}`;
  return [String.raw`Remove-Item ('Cert:\LocalMachine\Root\' + (${certificate}).Thumbprint)`];
}
