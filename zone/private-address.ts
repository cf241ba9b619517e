import { TYPE } from './record.ts';

/**
 * Does a record send its client to an address inside some network: A, AAAA, and the address hints of SVCB and
 * HTTPS (RFC 9460 §7.3)? In an answer from outside such a record is how web pages reach into the network of
 * those who open them (DNS rebinding). Private are RFC 1918, loopback, link-local, shared (RFC 6598), "this
 * network", unique local (RFC 4193), and all these as IPv4 in IPv6 (mapped, compatible, RFC 6052).
 */
export function pointsInside(type: number, rdata: Uint8Array): boolean {
  if (type === TYPE.A) return isPrivateIPv4(rdata);
  if (type === TYPE.AAAA) return isPrivateIPv6(rdata);
  return (type === TYPE.SVCB || type === TYPE.HTTPS) && hintsInside(rdata);
}

function isPrivateIPv4([a = 0, b = 0]: Uint8Array): boolean {
  if (a === 0 || a === 10 || a === 127) return true;
  if (a === 100) return b >= 64 && b < 128;
  if (a === 172) return b >= 16 && b < 32;
  return (a === 169 && b === 254) || (a === 192 && b === 168);
}

function isPrivateIPv6(address: Uint8Array): boolean {
  const [a = 0, b = 0] = address;
  // fc00::/7, and fe80::/10 with the fec0::/10 that was site-local.
  if ((a & 0xfe) === 0xfc || (a === 0xfe && b >= 0x80)) return true;
  return embedsIPv4(address) && isPrivateIPv4(address.subarray(12));
}

/** `::/96` (`::` and `::1` are in it), `::ffff:0:0/96` and `64:ff9b::/96`. */
function embedsIPv4(address: Uint8Array): boolean {
  const groups = Array.from(
    { length: 6 },
    (_, i) => ((address[2 * i] ?? 0) << 8) | (address[2 * i + 1] ?? 0),
  );
  const [first = 0, second = 0, third, fourth, fifth, sixth = 0] = groups;
  if (third !== 0 || fourth !== 0 || fifth !== 0) return false;
  if (first === 0x64 && second === 0xff9b) return sixth === 0;
  return first === 0 && second === 0 && (sixth === 0 || sixth === 0xffff);
}

const KEY_IPV4HINT = 4;
const KEY_IPV6HINT = 6;

/** Priority, target name, then parameters: key, length, value. What can't be read hints at nothing. */
function hintsInside(rdata: Uint8Array): boolean {
  const view = new DataView(rdata.buffer, rdata.byteOffset, rdata.length);
  let at = 2;
  while (at < rdata.length && rdata[at] !== 0) at += 1 + (rdata[at] ?? 0);
  at++;
  while (at + 4 <= rdata.length) {
    const key = view.getUint16(at);
    const start = at + 4;
    at = start + view.getUint16(at + 2);
    const size = key === KEY_IPV4HINT ? 4 : 16;
    if (key !== KEY_IPV4HINT && key !== KEY_IPV6HINT) continue;
    for (let hint = start; hint + size <= Math.min(at, rdata.length); hint += size) {
      const address = rdata.subarray(hint, hint + size);
      if (size === 4 ? isPrivateIPv4(address) : isPrivateIPv6(address)) return true;
    }
  }
  return false;
}
