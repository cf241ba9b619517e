/** A field of a protobuf message for tests: a number as a varint, octets or a text with their length. */
export function protobufField(number: number, value: number | string | Uint8Array): Uint8Array {
  if (typeof value === 'number') return Uint8Array.from([...varint(number * 8), ...varint(value)]);
  const octets = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return Uint8Array.from([...varint(number * 8 + 2), ...varint(octets.length), ...octets]);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

/** A node's data as Mesos 1.6 writes it. */
export function masterJson(ip: string, port = 5050, hostname = ip): string {
  return JSON.stringify({
    address: { hostname, ip, port },
    hostname,
    id: `id-${ip}-${port}`,
    pid: `master@${ip}:${port}`,
    port,
    version: '1.6.0',
  });
}

/** The same as Mesos before 0.24 writes it. */
export function masterProtobuf(ip: string, port = 5050): Uint8Array {
  const octets = ip.split('.').map(Number);
  return joined(
    protobufField(1, `id-${ip}-${port}`),
    protobufField(
      2,
      octets.reduceRight((sum, octet) => sum * 256 + octet, 0),
    ),
    protobufField(3, port),
    protobufField(4, `master@${ip}:${port}`),
    protobufField(6, '0.23.0'),
  );
}
