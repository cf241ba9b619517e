import { FormatError } from '../zone/format-error.ts';
import type { Kit, Target } from './kit.ts';
import { luaText, shellWord } from './quote.ts';
import { knownAddresses, nameToTry, needZones, readTarget } from './resolver.ts';

/** Of the unit `dnsdist@mesos-doh`, so that a dnsdist which is there already goes on as it is. */
const FILE = '/etc/dnsdist/dnsdist-mesos-doh.conf';
const INSTANCE = /^\/etc\/dnsdist\/dnsdist-([\w-]+)\.conf$/;
const LISTEN = '127.0.0.1:5354';

/**
 * dnsdist, 1.7 or later, as a classic DNS server on loopback. It asks us for our zones' names alone, and refuses all
 * others. It knows servers by address and never looks one up.
 */
export function dnsdistKit(target: Target, file = FILE): Kit {
  const resolver = readTarget(target);
  const zones = needZones(resolver, 'dnsdist').map((zone) => luaText(`${zone}.`));
  const addresses = knownAddresses(resolver);
  if (addresses.length === 0)
    throw new FormatError(
      '--address',
      `dnsdist looks no host up, so say where ${resolver.host} is: --address 203.0.113.10`,
    );
  const servers = addresses.map((address) => {
    const at = address.includes(':') ? `[${address}]` : address;
    return `newServer({address=${luaText(`${at}:${resolver.port}`)}, tls='openssl', subjectName=${luaText(resolver.host)},
  dohPath=${luaText(resolver.path)}, validateCertificates=true,${resolver.caFile === undefined ? '' : ` caStore=${luaText(resolver.caFile)},`}
  checkType='SOA', checkName=${zones[0]}, mustResolve=true})`;
  });
  const [host, port] = LISTEN.split(':');
  const [, instance] = INSTANCE.exec(file) ?? [];
  const unit = `dnsdist@${instance ?? 'mesos-doh'}`;
  return {
    client: 'dnsdist',
    files: [
      {
        path: file,
        mode: 0o600,
        text: `setLocal('${LISTEN}')
setACL({'127.0.0.0/8'})
setSecurityPollSuffix('')
${servers.join('\n')}
local ours = newSuffixMatchNode()
${zones.map((zone) => `ours:add(newDNSName(${zone}))`).join('\n')}
addAction(NotRule(SuffixMatchNodeRule(ours)), RCodeAction(DNSRCode.REFUSED))
getPool(''):setCache(newPacketCache(10000, {maxTTL=60, minTTL=0}))
`,
      },
    ],
    apply: [
      instance === undefined
        ? `install -o _dnsdist -m 0600 ${shellWord(file)} ${FILE}`
        : `chown _dnsdist ${file}`,
      `systemctl enable --now ${unit}`,
    ],
    undo: [`systemctl disable --now ${unit}`],
    check: `kdig @${host} -p ${port} ${nameToTry(resolver)}`,
    notes: [
      'The addresses have to stay: those that Cloudflare gives a Worker may change. mesos-doh stub looks them up.',
    ],
  };
}
