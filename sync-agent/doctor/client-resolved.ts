import type { ClientFinding } from './client-finding.ts';
import { ANCHORS, type ResolverFacts, type Scope, scopesFor } from './client-resolver.ts';

/** From this version on the global servers are not asked for everything where a link has some (systemd #34037). */
const GLOBAL_MAY_BE_SPLIT = 257;

/** systemd-resolved's settings for the zone. */
export function judgeResolved(facts: ResolverFacts, zone: string): readonly ClientFinding[] {
  const about = 'resolved';
  const { resolved } = facts;
  if (resolved.kind === 'absent')
    return [{ about, verdict: 'skipped', says: 'there is no systemd-resolved here' }];
  if (resolved.kind === 'down') return [{ about, verdict: 'skipped', says: 'systemd-resolved does not run' }];
  const scopes = scopesFor(resolved.scopes, zone);
  if (scopes.length === 0)
    return [
      {
        about,
        verdict: 'skipped',
        says: `no name of ${zone} is sent anywhere of its own; to set it up: mesos-doh connect systemd`,
      },
    ];
  return [
    ...scopes.flatMap((scope) => judgeScope(scope, facts, { zone, version: resolved.version })),
    ...judgeHosts(facts),
  ];
}

function judgeScope(
  scope: Scope,
  { unsigned }: ResolverFacts,
  { zone, version }: { readonly zone: string; readonly version: number | undefined },
): readonly ClientFinding[] {
  const about = 'resolved';
  const { where, servers, dnssec } = scope;
  if (servers.length === 0) {
    const says = `${where} is for ${zone} and has no server`;
    return [
      {
        about,
        verdict: 'wrong',
        says,
        mend: 'Set it up anew: mesos-doh connect systemd (and mesos-doh.service has to run)',
      },
    ];
  }
  const findings: ClientFinding[] = [];
  const asked = servers.join(', ');
  if (scope.isGlobal && (version === undefined || version < GLOBAL_MAY_BE_SPLIT))
    findings.push({
      about,
      verdict: 'wrong',
      says: `${where} send ${zone} to ${asked}, and in systemd ${version ?? 'of this age'} every other name as well`,
      mend: 'Take DNS= and Domains= out of resolved.conf; mesos-doh connect systemd uses a link of its own',
    });
  else if (scope.isDefaultRoute || scope.domains.includes('~.'))
    findings.push({
      about,
      verdict: 'advice',
      says: `${where} sends every name to ${asked}, not ${zone} alone`,
      mend: scope.where.startsWith('link ')
        ? `resolvectl default-route ${where.slice(5)} no`
        : 'Is that meant?',
    });
  const isValidated = dnssec !== undefined && dnssec !== 'no' && dnssec !== 'unsupported';
  if (isValidated && !unsigned.includes(zone))
    findings.push({
      about,
      verdict: 'wrong',
      says: `${where} has DNSSEC ${dnssec}: ${zone} is not signed, and its answers are thrown away`,
      mend: where.startsWith('link ')
        ? `resolvectl dnssec ${where.slice(5)} no`
        : `Write ${zone} into ${ANCHORS}/${zone}.negative and restart systemd-resolved`,
    });
  return findings.length > 0
    ? findings
    : [{ about, verdict: 'well', says: `${where} sends ${zone} to ${asked}` }];
}

/** Do programs ask systemd-resolved at all? */
function judgeHosts({ hosts, nameservers }: ResolverFacts): readonly ClientFinding[] {
  const about = 'nsswitch';
  if (hosts === undefined) return [];
  if (hosts.includes('resolve'))
    return [{ about, verdict: 'well', says: `programs ask systemd-resolved (${hosts.join(' ')})` }];
  if (hosts.includes('dns') && nameservers.some((server) => /^127\.0\.0\.5[34]$/.test(server)))
    return [{ about, verdict: 'well', says: 'programs ask systemd-resolved, by resolv.conf' }];
  return [
    {
      about,
      verdict: 'wrong',
      says: 'programs do not ask systemd-resolved',
      mend: 'In /etc/nsswitch.conf: hosts: files resolve [!UNAVAIL=return] dns (package libnss-resolve), or nameserver 127.0.0.53 in resolv.conf',
    },
  ];
}
