import { hashName, toHex } from '../zone/hash.ts';
import { xmlText } from './quote.ts';

/** A value of a property list, as far as profiles need one. `data` is base64. */
export type PlistValue =
  | string
  | boolean
  | number
  | readonly PlistValue[]
  | { readonly data: string }
  | { readonly [key: string]: PlistValue };

export type Payload = {
  readonly type: string;
  readonly label: string;
  readonly content: { readonly [key: string]: PlistValue };
};

export const PROFILE_REMOVAL =
  'Remove the profile where it was installed: iOS Settings > General > VPN & Device Management, macOS System Settings > General > Device Management.';

/**
 * A configuration profile for iOS and macOS. The same identity (and the same payloads in the same order) gives the same
 * identifiers, by which a system knows that a profile takes the place of the one installed before: a new token in
 * `content` is a new state of it, not a second profile.
 */
export function profile(
  payloads: readonly Payload[],
  {
    identity,
    name,
    description,
  }: { readonly identity: string; readonly name: string; readonly description: string },
): string {
  const identifier = `mesos-doh.${toHex(octetsFor(identity)).slice(0, 16)}`;
  return plist({
    PayloadContent: payloads.map(({ type, label, content }) => ({
      ...content,
      PayloadDisplayName: label,
      PayloadIdentifier: `${identifier}.${label}`,
      PayloadType: type,
      PayloadUUID: uuid(`${identity}\n${label}`),
      PayloadVersion: 1,
    })),
    PayloadDescription: description,
    PayloadDisplayName: name,
    PayloadIdentifier: identifier,
    PayloadRemovalDisallowed: false,
    PayloadType: 'Configuration',
    PayloadUUID: uuid(identity),
    PayloadVersion: 1,
  });
}

function plist(value: PlistValue): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${element(value)}
</plist>
`;
}

function element(value: PlistValue): string {
  if (typeof value === 'string') return `<string>${xmlText(value)}</string>`;
  if (typeof value === 'boolean') return value ? '<true/>' : '<false/>';
  if (typeof value === 'number') return `<integer>${value}</integer>`;
  if (isList(value)) return `<array>\n${value.map(element).join('\n')}\n</array>`;
  if (isData(value)) return `<data>${value.data}</data>`;
  const entries = Object.entries(value).map(([key, held]) => `<key>${xmlText(key)}</key>\n${element(held)}`);
  return `<dict>\n${entries.join('\n')}\n</dict>`;
}

function isList(value: PlistValue): value is readonly PlistValue[] {
  return Array.isArray(value);
}

function isData(
  value: { readonly [key: string]: PlistValue } | { readonly data: string },
): value is { readonly data: string } {
  return typeof value['data'] === 'string';
}

const SEEDS = ['mesos-d1', 'mesos-d2'].map((seed) => new TextEncoder().encode(seed));

/** 16 octets that tell texts apart. No secret and no proof: a keyed hash that needs no waiting is enough. */
function octetsFor(text: string): Uint8Array {
  const octets = new TextEncoder().encode(text);
  const hashed = new DataView(new ArrayBuffer(16));
  SEEDS.forEach((seed, half) => {
    const { slot, shard } = hashName(octets, seed);
    hashed.setUint32(8 * half, slot);
    hashed.setUint32(8 * half + 4, shard);
  });
  return new Uint8Array(hashed.buffer);
}

/** RFC 9562 §5.8: version 8, of our own making. */
function uuid(text: string): string {
  const octets = octetsFor(text);
  octets[6] = ((octets[6] ?? 0) & 0x0f) | 0x80;
  octets[8] = ((octets[8] ?? 0) & 0x3f) | 0x80;
  return toHex(octets)
    .toUpperCase()
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
