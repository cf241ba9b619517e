import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { nameToWire, parseName } from '../zone/name.ts';
import { type DohUrl, isLoopback, parseDohUrl } from './doh-url.ts';
import type { PlainServer } from './other.ts';

/** What the command line and the environment say, read and checked; files are only named. */
export type Settings = {
  readonly url: DohUrl;
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly caFile: string | undefined;
  readonly bootstrap: readonly string[];
  readonly listen: readonly PlainServer[];
  /** Were they said, or are they what there is by default? */
  readonly isListenSaid: boolean;
  readonly allowRemote: boolean;
  /** As asked for, and in wire form. */
  readonly zones: readonly { readonly text: string; readonly wire: Uint8Array }[];
  readonly other: PlainServer | undefined;
  readonly cacheEntries: number;
  readonly questions: number;
  readonly stateDir: string | undefined;
  readonly metricsPort: number | undefined;
  readonly logQueries: boolean;
};

/** The command line or the environment is wrong: the message says what to write instead, and no secret. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const HELP = `Usage: mesos-doh stub --url URL [options]

A DNS server on this machine that asks a DoH URL, for systems and programs that do not speak DoH.

Options:
  --url URL            the DoH URL, a token in its path included; better MESOS_DOH_URL, which ps does not show
  --token-file FILE    holds a token to send as Authorization: Bearer; also MESOS_DOH_TOKEN
  --ca FILE            PEM of an authority to trust besides the public ones
  --bootstrap IP       an address of the DoH host, which is then never looked up (repeatable)
  --listen IP[:PORT]   UDP and TCP (repeatable; default 127.0.0.1:5354; also sockets from systemd)
  --allow-remote       let --listen be an address that other machines reach
  --zone NAME          ask the DoH URL for these names alone (repeatable; default: for all)
  --other IP[:PORT]    the plain DNS server for all other names (default: they are REFUSED)
  --cache ENTRIES      replies to keep, 0 for none (default 4096, at most 8 MiB)
  --max-questions N    different questions under way; more are SERVFAIL at once (default 1024)
  --state-dir DIR      remembers the DoH host's addresses there; also STATE_DIRECTORY
  --metrics PORT       /metrics and /healthz on 127.0.0.1
  --log-queries        log each question: names of who asks what
  --version, --help

Examples:
  MESOS_DOH_URL=https://doh.example.com/t/TOKEN/dns-query mesos-doh stub --zone mesos
  mesos-doh stub --url https://127.0.0.1:8443/dns-query --ca .mesos-doh/ca.pem
  dig @127.0.0.1 -p 5354 leader.mesos
`;

const DEFAULT_LISTEN = '127.0.0.1:5354';
const LISTEN_PORT = 5354;
const DNS_PORT = 53;
const MOST_CACHE_ENTRIES = 1_000_000;
const MOST_QUESTIONS = 65_536;

export type Asked =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'run'; readonly settings: Settings };

/** What was asked for instead of a run, or the settings of one. Throws `UsageError`. */
export function parseSettings(argv: readonly string[], env: NodeJS.ProcessEnv): Asked {
  const { help, version, ...values } = parsed(argv);
  if (help) return { kind: 'help' };
  if (version) return { kind: 'version' };
  const url = dohUrl(values.url, env['MESOS_DOH_URL']);
  const listen = (values.listen ?? [DEFAULT_LISTEN]).map((text) => server(text, '--listen', LISTEN_PORT));
  const remote = listen.find(({ address }) => !isLoopback(address));
  if (remote && !values['allow-remote'])
    throw new UsageError(
      `--listen ${remote.address} can be reached from other machines: say --allow-remote if they shall ask with your token`,
    );
  const bootstrap = values.bootstrap ?? [];
  for (const address of bootstrap)
    if (isIP(address) === 0) throw new UsageError(`--bootstrap ${address} should be an IP address`);
  if (bootstrap.length > 0 && isIP(url.hostname) !== 0)
    throw new UsageError('--bootstrap is for a DoH URL with a name in it; this one has an address');
  if (values.other !== undefined && values.zone === undefined)
    throw new UsageError('--other is for names outside --zone: say which zones the DoH URL is for');
  const settings = {
    url,
    token: env['MESOS_DOH_TOKEN']?.trim() || undefined,
    tokenFile: values['token-file'],
    caFile: values.ca,
    bootstrap,
    listen,
    isListenSaid: values.listen !== undefined,
    allowRemote: values['allow-remote'] === true,
    zones: (values.zone ?? []).map(zone),
    other: values.other === undefined ? undefined : server(values.other, '--other', DNS_PORT),
    cacheEntries: number(values.cache ?? '4096', '--cache', { least: 0, most: MOST_CACHE_ENTRIES }),
    questions: number(values['max-questions'] ?? '1024', '--max-questions', {
      least: 1,
      most: MOST_QUESTIONS,
    }),
    stateDir: values['state-dir'] ?? (env['STATE_DIRECTORY']?.split(':')[0] || undefined),
    metricsPort:
      values.metrics === undefined
        ? undefined
        : number(values.metrics, '--metrics', { least: 0, most: 65_535 }),
    logQueries: values['log-queries'] === true,
  };
  return { kind: 'run', settings };
}

const OPTIONS = {
  url: { type: 'string' },
  'token-file': { type: 'string' },
  ca: { type: 'string' },
  bootstrap: { type: 'string', multiple: true },
  listen: { type: 'string', multiple: true },
  'allow-remote': { type: 'boolean' },
  zone: { type: 'string', multiple: true },
  other: { type: 'string' },
  cache: { type: 'string' },
  'max-questions': { type: 'string' },
  'state-dir': { type: 'string' },
  metrics: { type: 'string' },
  'log-queries': { type: 'boolean' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS }).values;
  } catch (cause) {
    // Node's own words have advice on positional arguments behind them; an argument may be the URL, said bare.
    const [first = ''] = cause instanceof Error ? cause.message.split(/\. |\n/) : [];
    const message = first.startsWith('Unexpected argument')
      ? 'there are no arguments without a flag'
      : first
          .replace(/\.$/, '')
          .replace(
            /^Option '(\S+)' argument is ambiguous$/,
            '$1 takes a value that does not begin with a dash',
          );
    throw new UsageError(`${message}; see mesos-doh stub --help`, { cause });
  }
}

function dohUrl(flag: string | undefined, variable: string | undefined): DohUrl {
  const text = flag ?? variable;
  if (text === undefined || text.trim() === '')
    throw new UsageError('which DoH URL? Set MESOS_DOH_URL, or say --url https://doh.example.com/dns-query');
  try {
    return parseDohUrl(text);
  } catch (cause) {
    const what = flag === undefined ? 'MESOS_DOH_URL' : '--url';
    throw new UsageError(`${what} ${cause instanceof Error ? cause.message : 'is wrong'}`, { cause });
  }
}

/** `127.0.0.1`, `127.0.0.1:5354`, `::1`, `[::1]:5354`. */
function server(text: string, flag: string, defaultPort: number): PlainServer {
  const bare = isIP(text) !== 0 ? text : /^\[(.*)\]$/.exec(text)?.[1];
  const [, address = '', port = ''] =
    bare === undefined ? (/^\[?([^\]]*?)\]?:(\d{1,5})$/.exec(text) ?? []) : ['', bare, String(defaultPort)];
  if (isIP(address) === 0 || Number(port) > 65_535 || (Number(port) === 0 && flag === '--other'))
    throw new UsageError(`${flag} ${text} should be an address such as 127.0.0.1:5354 or [::1]:5354`);
  return { address, port: Number(port) };
}

function zone(text: string): Settings['zones'][number] {
  try {
    return { text, wire: nameToWire(parseName(text)) };
  } catch (cause) {
    throw new UsageError(`--zone: ${cause instanceof Error ? cause.message : text}`, { cause });
  }
}

function number(
  text: string,
  flag: string,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`${flag} takes a whole number from ${least} to ${most}, not ${text}`);
}
