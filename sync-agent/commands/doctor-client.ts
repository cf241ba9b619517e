import { randomInt } from 'node:crypto';
import { parseAddress } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';
import { type OwnerName, parseName } from '../../zone/name.ts';
import type { PlainServer } from '../client/device.ts';
import { readDohUrl } from '../client/doh-url.ts';
import { thisDevice } from '../client/this-device.ts';
import { ConfigError } from '../config.ts';
import { checkClient } from '../doctor/client.ts';
import type { Finding } from '../doctor/finding.ts';
import { httpFor, readCa, STUB, tokenFrom } from './client-input.ts';
import { stopSignal } from './terminal.ts';

/** Flags of `doctor --client`. */
export type ClientFlags = {
  readonly url?: string;
  readonly zone?: string;
  readonly name?: string;
  readonly ca?: string;
  readonly address?: string;
  readonly stub?: PlainServer;
};

const REQUEST_LIMIT_MS = 5_000;

/** From this device to a task. Throws `ConfigError` for flags that make no sense. */
export async function examineClient(
  flags: ClientFlags,
  report: (finding: Finding) => Promise<void>,
): Promise<void> {
  const text = flags.url ?? process.env['MESOS_DOH_URL'];
  if (!text) throw new ConfigError('--client needs the DoH URL: --url, or MESOS_DOH_URL in the environment');
  const { address } = flags;
  if (address !== undefined && !parseAddress(address))
    throw new ConfigError('--address: should be an IP address, that of the DoH host');
  const url = readDohUrl(text, tokenFrom());
  const ca = readCa(flags.ca);
  const http = httpFor({ url, ca, address, connectTimeoutMs: REQUEST_LIMIT_MS });
  const options = {
    url,
    zone: nameOf(flags.zone ?? 'mesos', '--zone'),
    name: flags.name === undefined ? undefined : nameOf(flags.name, '--name'),
    address,
    caFile: flags.ca,
    stub: flags.stub ?? STUB,
    device: thisDevice({ ca, timeoutMs: REQUEST_LIMIT_MS }),
    http,
    timeoutMs: REQUEST_LIMIT_MS,
    now: Date.now,
    randomId: () => randomInt(1, 65_536),
    onFinding: report,
  };
  try {
    await checkClient(options, stopSignal());
  } finally {
    await http.close();
  }
}

function nameOf(text: string, flag: string): OwnerName {
  try {
    return parseName(text);
  } catch (error) {
    throw new ConfigError(`${flag}: ${error instanceof FormatError ? error.message : String(error)}`);
  }
}
