import type { Settings } from '../env.ts';
import type { Held } from '../snapshot/held.ts';

/** What `/v1/version` calls this program: the package's version. */
const VERSION = '0.1.0';

/** Service and URL name the interface, as its clients know it; who serves it is in the version. */
export function versionFacts(): Record<string, string> {
  return {
    Service: 'Mesos-DNS',
    URL: 'https://github.com/mesosphere/mesos-dns',
    Version: `mesos-doh ${VERSION}`,
  };
}

/**
 * What the Worker knows of a zone and of itself, in the words of mesos-dns's `/v1/config`. What only the sync
 * agent knows (masters, credentials, files) is not in it; of upstreams it has the host, since a path may hold a key.
 */
export function configFacts(
  { root, body, zone: { zone } }: Held,
  { upstreams, enumeration }: Pick<Settings, 'upstreams' | 'enumeration'>,
): Record<string, unknown> {
  const { soa, origin } = zone;
  const { recursionAvailable } = body.settings;
  const forwards = upstreams.length > 0;
  return {
    RefreshSeconds: soa.refresh,
    TTL: soa.ttl,
    SOASerial: root.serial,
    SOARefresh: soa.refresh,
    SOARetry: soa.retry,
    SOAExpire: soa.expire,
    SOAMinttl: soa.minimum,
    SOAMname: `${soa.mname}.`,
    SOARname: `${soa.rname}.`,
    Resolvers: upstreams.map((url) => new URL(url).host),
    Domain: origin,
    RecurseOn: recursionAvailable === 'forwarding' ? forwards : recursionAvailable === 'always',
    DnsOn: true,
    HttpOn: true,
    ExternalOn: forwards,
    SetTruncateBit: true,
    EnumerationOn: enumeration,
  };
}
