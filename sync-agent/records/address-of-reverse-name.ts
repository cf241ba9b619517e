import { canonicalAddress, parseAddress, reverseName } from '../../zone/address.ts';

/** The address that a whole reverse name stands for, canonical; undefined for another name. */
export function addressOfReverseName(name: string): string | undefined {
  const text = textOf(name);
  const octets = text === undefined ? undefined : parseAddress(text);
  // The mapped form of an IPv4 address is looked up at the other name.
  return octets && reverseName(octets) === name ? canonicalAddress(text ?? '') : undefined;
}

function textOf(name: string): string | undefined {
  if (name.endsWith('.in-addr.arpa.'))
    return name.slice(0, -'.in-addr.arpa.'.length).split('.').toReversed().join('.');
  if (!name.endsWith('.ip6.arpa.')) return undefined;
  const nibbles = name.slice(0, -'.ip6.arpa.'.length).split('.').toReversed().join('');
  return nibbles.match(/.{4}/g)?.join(':');
}
