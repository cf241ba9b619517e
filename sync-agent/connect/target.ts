import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { Target } from '../../connect/kit.ts';
import { FormatError } from '../../zone/format-error.ts';
import { parseName } from '../../zone/name.ts';
import { addressOf, readDohUrl } from '../client/doh-url.ts';
import { ConfigError } from '../config.ts';

/** How a person names what to connect to. */
export type TargetFlags = {
  readonly url?: string | undefined;
  /** Beside the URL; it goes into the path, where every client can carry it. */
  readonly token?: string | undefined;
  readonly zone?: readonly string[] | undefined;
  readonly ca?: string | undefined;
  readonly address?: readonly string[] | undefined;
  readonly forwards?: boolean | undefined;
};

const DOH_PATH = '/dns-query';
// eslint-disable-next-line no-control-regex -- exactly those: a URL is read as if they were not there
const NOT_IN_URL = /[\u0000-\u001f\u007f\s\\"'?#]/;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The resolver to connect to. Throws `ConfigError` for what no client could use; no token stands in it. */
export function readTarget(flags: TargetFlags): Target {
  if (!flags.url)
    throw new ConfigError(
      'no DoH URL is named: give --url https://doh.example.com/dns-query, or set MESOS_DOH_URL',
    );
  if (NOT_IN_URL.test(flags.url.trim().replace(/\{\?dns\}$/, '')))
    throw new ConfigError(
      'the DoH URL should end with its path, and have no spaces, quotes or backslashes, such as https://doh.example.com/dns-query',
    );
  const read = readDohUrl(flags.url, flags.token);
  const url = new URL(
    addressOf({ ...read, path: read.path === '/' ? DOH_PATH : read.path }, { isTokenInPath: true }),
  );
  if (read.protocol === 'http:' && !read.isLoopback)
    throw new ConfigError(`clients ask a DoH URL by TLS alone, and ${read.shown} has none: say https://`);
  const zones = (flags.zone ?? ['mesos']).map(readZone);
  const addresses = (flags.address ?? []).map(readAddress);
  if (isIP(read.host) === 0 && addresses.length === 0 && zones.some((zone) => isBelow(read.host, zone)))
    throw new ConfigError(
      `${read.host} is a name of the zone it answers for, so it can't be looked up there: give --address, where it is`,
    );
  return {
    dohUrl: url.href,
    zones: [...new Set(zones)],
    addresses,
    forwards: flags.forwards,
    ...(flags.ca !== undefined && { caFile: resolve(flags.ca), caPem: readCa(flags.ca) }),
  };
}

function readZone(text: string): string {
  try {
    const name = parseName(text);
    // Other characters would mean something to who reads the files.
    if (/^[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)*$/.test(name)) return name;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  throw new ConfigError(
    `--zone ${JSON.stringify(text)}: should be a zone's name, such as mesos or dc1.mesos`,
  );
}

function readAddress(text: string): string {
  // With a zone (fe80::1%eth0) few clients would take it, and units read % as something else.
  if (isIP(text) !== 0 && !text.includes('%')) return text;
  throw new ConfigError(`--address ${JSON.stringify(text)}: should be an address, such as 203.0.113.10`);
}

/** Its certificates alone: the text goes into files that all may read, and a private key may stand beside them. */
function readCa(path: string): string {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ConfigError(`--ca ${path} can't be read`, { cause });
  }
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length > 0) return `${certificates.join('\n')}\n`;
  throw new ConfigError(`--ca ${path} has no certificate in PEM`);
}

function isBelow(host: string, zone: string): boolean {
  const plain = host.replace(/\.$/, '');
  return plain === zone || plain.endsWith(`.${zone}`);
}
