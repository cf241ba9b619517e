import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { type Command, InvalidArgumentError } from 'commander';
import { parseAddress } from '../../zone/address.ts';
import type { PlainServer } from '../client/device.ts';
import type { DohUrl } from '../client/doh-url.ts';
import { ConfigError } from '../config.ts';
import { createHttp, type Http, HttpError } from '../http.ts';

/** Where a stub of ours listens, as its unit has it. */
export const STUB: PlainServer = { address: '127.0.0.1', port: 5354 };

/** An option that several commands have. */
export function addCaOption(command: Command): Command {
  return command.option('--ca <file>', 'PEM file of an authority to trust besides those Node brings');
}

/** A CA file's text, and behind it the authorities that Node brings; undefined for no file. Throws `ConfigError`. */
export function readCa(file: string | undefined): string | undefined {
  return file === undefined ? undefined : [readText(file, '--ca'), ...rootCertificates].join('\n');
}

/** The token of a file, or else of the environment, where `ps` does not show it. Throws `ConfigError`. */
export function tokenFrom(file?: string): string | undefined {
  const text = file === undefined ? process.env['MESOS_DOH_TOKEN'] : readText(file, '--token-file');
  return text?.trim() || undefined;
}

function readText(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw new ConfigError(`${flag}: ${file} can not be read (${code})`, { cause });
  }
}

/** HTTP that trusts `ca`, and asks for the host where another address is asked. Throws `ConfigError` for no usable PEM. */
export function httpFor({
  url,
  ca,
  address,
  connectTimeoutMs,
}: {
  readonly url?: Pick<DohUrl, 'host'>;
  readonly ca?: string | undefined;
  readonly address?: string | undefined;
  readonly connectTimeoutMs?: number;
}): Http {
  const servername = address !== undefined && url && !parseAddress(url.host) ? url.host : undefined;
  const tls = { ...(ca !== undefined && { ca }), ...(servername !== undefined && { servername }) };
  try {
    return createHttp({
      ...(Object.keys(tls).length > 0 && { tls }),
      ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
    });
  } catch (cause) {
    if (!(cause instanceof HttpError)) throw cause;
    throw new ConfigError('--ca: the file holds no certificate in PEM', { cause });
  }
}

/** `127.0.0.1:5354`, `[::1]:5354`; the port may be missing. */
export function readServerAddress(text: string): PlainServer {
  const [, six, four, port = '53'] = /^(?:\[(.+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = six ?? four ?? '';
  if (parseAddress(address) && Number(port) > 0 && Number(port) < 65_536)
    return { address, port: Number(port) };
  throw new InvalidArgumentError('It should be an address and port such as 127.0.0.1:5354 or [::1]:5354.');
}
