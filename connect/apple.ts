import type { Kit, Target } from './kit.ts';
import { type Payload, profile, PROFILE_REMOVAL } from './profile.ts';
import { nameToTry, needZones, readTarget } from './resolver.ts';

/** A profile for iOS 14, macOS 11 and later (Apple: DNSSettings): our zones' names come here, all others go as before. */
export function appleKit(target: Target): Kit {
  const resolver = readTarget(target);
  const zones = needZones(resolver, 'apple');
  const names = zones.map((zone) => `.${zone}`).join(', ');
  const payloads: readonly Payload[] = [
    {
      type: 'com.apple.dnsSettings.managed',
      label: 'dns',
      content: {
        DNSSettings: {
          DNSProtocol: 'HTTPS',
          ServerURL: resolver.url,
          ...(resolver.addresses.length > 0 && { ServerAddresses: resolver.addresses }),
          SupplementalMatchDomains: zones,
        },
        ProhibitDisablement: false,
      },
    },
    ...resolver.certificates.map((data, index) => ({
      type: 'com.apple.security.root',
      label: `ca${index + 1}`,
      content: { PayloadContent: { data } },
    })),
  ];
  const text = profile(payloads, {
    identity: [new URL(resolver.url).origin, ...zones.toSorted()].join('\n'),
    name: `${names} by ${resolver.host}`,
    description: `Names ending in ${names} are looked up at ${resolver.host}, others as before.`,
  });
  return {
    client: 'apple',
    files: [{ path: 'mesos-doh.mobileconfig', mode: 0o600, text }],
    apply: [],
    undo: [],
    removal: PROFILE_REMOVAL,
    check: `http://${nameToTry(resolver)}:5050/ in Safari`,
    notes: [
      'Open it on the device, then install it in Settings: iOS General > VPN & Device Management, macOS Device Management.',
      'A later profile for the same resolver and zones takes its place.',
      'The token is in it: do not pass it on.',
      ...(resolver.certificates.length > 0
        ? ['iOS: also trust the authority in General > About > Certificate Trust Settings.']
        : resolver.caFile === undefined
          ? []
          : [`Install and trust ${resolver.caFile} on the device first.`]),
    ],
  };
}
