import { formatAddress, parseAddress } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';

/** A block of addresses in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3). */
export type Prefix = {
  /** Canonical: `172.17.0.0/16`. */
  readonly text: string;
  readonly octets: Uint8Array;
  /** Of the leading bits that count. */
  readonly length: number;
};

/** `172.17.0.0/16`, `fd00::/8`, or an address alone; bits behind the length are not looked at. Throws `FormatError`. */
export function parsePrefix(text: string): Prefix {
  const [address = '', bits, ...rest] = text.split('/');
  const octets = parseAddress(address);
  const most = 8 * (octets?.length ?? 0);
  const isLength = bits === undefined || /^(?:0|[1-9]\d{0,2})$/.test(bits);
  const length = Number(bits ?? most);
  if (!octets || !isLength || length > most || rest.length > 0)
    throw new FormatError(JSON.stringify(text), 'is no address block such as 172.17.0.0/16 or fd00::/8');
  const masked = octets.map((octet, i) => octet & maskOf(length - 8 * i));
  return { text: `${formatAddress(masked)}/${length}`, octets: masked, length };
}

/** The first of the blocks that holds the address (4 or 16 octets). */
export function prefixOf(address: Uint8Array, prefixes: readonly Prefix[]): Prefix | undefined {
  for (const prefix of prefixes) if (isWithin(address, prefix)) return prefix;
  return undefined;
}

function isWithin(address: Uint8Array, { octets, length }: Prefix): boolean {
  if (octets.length !== address.length) return false;
  for (let i = 0; 8 * i < length; i++)
    if (((address[i] ?? 0) & maskOf(length - 8 * i)) !== octets[i]) return false;
  return true;
}

/** An octet of which the first `bits` count. */
function maskOf(bits: number): number {
  return bits >= 8 ? 0xff : bits <= 0 ? 0 : (0xff << (8 - bits)) & 0xff;
}
