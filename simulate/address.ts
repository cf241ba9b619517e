/** How many numbers of an octet are used; the rest stay clear of network and broadcast addresses. */
const OCTET_NUMBERS = 250;
const BLOCK_SIZE = OCTET_NUMBERS ** 2;
/** Second octets that containers have: 10.64 to 10.127. Agents begin at 10.32. */
const CONTAINER_BLOCKS = 64;

/** The address of an agent, from 10.32.0.1 on. */
export function agentAddress(index: number): string {
  return `10.${32 + Math.floor(index / BLOCK_SIZE)}.${lastOctets(index, 1)}`;
}

/** From Docker's own bridge: the same on every agent, and of no use outside it. */
export function bridgeAddress(index: number): string {
  return `172.17.${lastOctets(index, 2)}`;
}

/** The address of a container that has one of its own, from 10.64.0.1 on. */
export function containerAddress(index: number): string {
  return `10.${64 + (Math.floor(index / BLOCK_SIZE) % CONTAINER_BLOCKS)}.${lastOctets(index, 1)}`;
}

/** The IPv6 address of such a container. */
export function containerAddress6(index: number): string {
  return `fd01::${((index >>> 16) + 1).toString(16)}:${(index & 0xffff).toString(16)}`;
}

function lastOctets(index: number, first: number): string {
  return `${Math.floor(index / OCTET_NUMBERS) % OCTET_NUMBERS}.${(index % OCTET_NUMBERS) + first}`;
}

/** `host:port`, with an IPv6 address in brackets. */
export function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
