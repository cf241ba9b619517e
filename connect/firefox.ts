import type { Kit, Target } from './kit.ts';
import { nameToTry, readTarget } from './resolver.ts';

export const FIREFOX_POLICIES_FILE = '/etc/firefox/policies/policies.json';

/**
 * What stands under `policies` in Firefox's policies.json. It reads one such file, so ours is merged into one that is
 * there (`mesos-doh connect`): object by object, lists by what they lack. Where both say something else, that is a conflict.
 */
type FirefoxPolicies = {
  readonly DNSOverHTTPS: {
    readonly Enabled: true;
    readonly ProviderURL: string;
    /** false is mode 3: nobody else is ever asked. */
    readonly Fallback: boolean;
    readonly Locked: true;
  };
  readonly Preferences: Readonly<
    Record<string, { readonly Value: boolean | string; readonly Status: 'locked' }>
  >;
  readonly Certificates?: { readonly Install: readonly string[] };
};

function firefoxPolicies(target: Target): FirefoxPolicies {
  const { url, host, addresses, caFile } = readTarget(target);
  const locked = <T extends boolean | string>(value: T) => ({ Value: value, Status: 'locked' }) as const;
  const [address = host] = addresses;
  return {
    DNSOverHTTPS: { Enabled: true, ProviderURL: url, Fallback: target.forwards !== true, Locked: true },
    Preferences: {
      // Answers with private addresses, which a cluster's are, are thrown away otherwise.
      'network.trr.allow-rfc1918': locked(true),
      // It would ask for a public name first, and until that is answered not ask us for ours.
      ...(target.forwards !== true && { 'network.trr.confirmationNS': locked('skip') }),
      ...(address !== host && { 'network.trr.bootstrapAddr': locked(address) }),
    },
    ...(caFile !== undefined && { Certificates: { Install: [caFile] } }),
  };
}

export function firefoxKit(target: Target): Kit {
  const policies = firefoxPolicies(target);
  const name = nameToTry(readTarget(target));
  return {
    client: 'firefox',
    files: [
      { path: FIREFOX_POLICIES_FILE, mode: 0o644, text: `${JSON.stringify({ policies }, undefined, 2)}\n` },
    ],
    apply: [],
    undo: [],
    check: `about:networking#dnslookuptool: look up ${name}`,
    notes: [
      'Start Firefox anew.',
      'All who have an account on this machine can read the file, and the token in it: Firefox runs as them.',
      policies.DNSOverHTTPS.Fallback
        ? 'Every name is asked here first, and of the system where this resolver has no answer.'
        : 'Every name is asked here and nowhere else: without this resolver there is no browsing.',
    ],
  };
}
