import { canonicalAddress } from '../../zone/address.ts';
import type { LookedUp } from '../client/device.ts';
import type { ClientFinding } from './client-finding.ts';

/** What programs of this machine get for a name, beside what the resolver says. */
export type SystemFacts = {
  readonly name: string;
  /** The resolver's addresses. */
  readonly expected: readonly string[];
  readonly found: LookedUp;
  /** Is this machine's own resolver set up to ask ours? */
  readonly isSetUp: boolean;
};

export function judgeSystem({ name, expected, found, isSetUp }: SystemFacts): ClientFinding {
  const about = 'system';
  if (found.kind === 'failed') {
    const says =
      found.code === 'ETIMEDOUT'
        ? `programs wait for ${name} in vain`
        : `programs do not find ${name} (${found.code})`;
    if (!isSetUp)
      return { about, verdict: 'skipped', says: `${says}: nothing here asks the resolver for them` };
    return {
      about,
      verdict: 'wrong',
      says,
      mend: `See the lines above; then: resolvectl flush-caches, getent hosts ${name}`,
    };
  }
  const known = new Set(expected.map((address) => canonicalAddress(address)));
  const { addresses } = found;
  const says = `programs get ${addresses.slice(0, 3).join(', ')} for ${name}`;
  if (addresses.some((address) => known.has(canonicalAddress(address))))
    return { about, verdict: 'well', says };
  return {
    about,
    // Without us, another DNS server may rightly know other addresses.
    verdict: isSetUp ? 'wrong' : 'advice',
    says: `${says}, the resolver says ${expected.slice(0, 3).join(', ')}`,
    mend: 'A hosts file or another DNS server answers for it: see resolvectl query, or getent -s files hosts',
  };
}

/** Where nothing at all asks the resolver yet. */
export function judgeSetUp(findings: readonly ClientFinding[]): readonly ClientFinding[] {
  const ways = new Set(['resolved', 'stub', 'system', 'Firefox', 'Chrome']);
  if (findings.some(({ about, verdict }) => ways.has(about) && verdict !== 'skipped')) return [];
  return [
    {
      about: 'this machine',
      verdict: 'advice',
      says: 'nothing here asks the resolver yet',
      mend: 'Set one up: mesos-doh connect systemd, firefox or chrome (docs/connect/)',
    },
  ];
}
