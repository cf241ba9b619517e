import { once } from 'node:events';
import { InvalidArgumentError } from 'commander';
import type { Serial } from '../../zone/zone.ts';

/** Results to stdout, as fast as whoever reads them takes them. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

export function toSerial(text: string): Serial {
  const serial = Number(text);
  if (Number.isInteger(serial) && serial >= 0 && serial < 2 ** 32) return serial;
  throw new InvalidArgumentError('It should be a serial such as 1781000000 (see mesos-doh history).');
}
