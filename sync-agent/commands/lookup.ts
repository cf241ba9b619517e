import { randomInt } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';
import { decode } from 'dns-packet';
import { parseAddress, reverseName } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';
import { FLAG } from '../../zone/message.ts';
import { type OwnerName, parseName } from '../../zone/name.ts';
import { type RecordType, TYPE, typeCode } from '../../zone/record.ts';
import { type DohUrl, inUrl, readDohUrl } from '../client/doh-url.ts';
import { askDoh } from '../client/doh.ts';
import type { PlainServer } from '../client/device.ts';
import { jsonText } from '../client/json-text.ts';
import { askPlain } from '../client/plain-dns.ts';
import { queryFor, readReply } from '../client/reply.ts';
import type { Http } from '../http.ts';
import { addCaOption, httpFor, readCa, readServerAddress, tokenFrom } from './client-input.ts';
import { type LookedUp, renderReply, renderShort } from './lookup-text.ts';
import { print } from './print.ts';
import { stopSignal } from './terminal.ts';

const DEFAULT_URL = 'http://127.0.0.1:8787/dns-query';
const TIMEOUT_MS = 5_000;

type Flags = {
  readonly url?: string;
  readonly ca?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly stub?: PlainServer;
  readonly short?: boolean;
  readonly json?: boolean;
};

const EXAMPLES = `
Examples:
  mesos-doh lookup search.marathon.mesos
  mesos-doh lookup _search._tcp.marathon.mesos SRV --url https://doh.example.com/dns-query
  mesos-doh lookup leader.mesos A AAAA --token-file /etc/mesos-doh/token
  mesos-doh lookup leader.mesos --short --stub 127.0.0.1:5354

MESOS_DOH_TOKEN is sent as a header. Exit codes: 0 a reply, whatever it says; 1 none; 2 wrong usage.`;

export function addLookupCommand(program: Command): void {
  addCaOption(program.command('lookup'))
    .description('ask a DoH URL, or a stub, and show the answer')
    .argument('<name>', 'the name to ask for, or an address for its PTR', readAsked)
    .argument(
      '[types...]',
      'A, AAAA, SRV, ANY, TYPE65, … (default: SRV for names that begin with _, PTR for addresses, else A)',
      (text: string, earlier: readonly RecordType[] = []) => [...earlier, readType(text)],
    )
    .option('--url <url>', `the DoH URL, also from MESOS_DOH_URL (default: ${DEFAULT_URL})`, readUrl)
    .option('--token <token>', 'a team token; ps shows it: better MESOS_DOH_TOKEN or --token-file')
    .option('--token-file <file>', 'the file that holds it')
    .option(
      '--stub <server>',
      'ask this DNS server by UDP and TCP instead: 127.0.0.1:5354',
      readServerAddress,
    )
    .option('--short', 'print the values alone')
    .option('--json', 'print the whole reply as JSON; a list of them for several types')
    .addHelpText('after', EXAMPLES)
    .action(async ({ name, usual }: Asked, types: readonly RecordType[] | undefined, flags: Flags) => {
      const asked = types && types.length > 0 ? types : [usual];
      const asker = openAsker(flags);
      const found: LookedUp[] = [];
      try {
        for (const type of asked) {
          const one = await asker.ask(name, type);
          found.push(one);
          if (flags.json !== true)
            await print(
              flags.short === true ? renderShort(one) : `${found.length > 1 ? '\n' : ''}${renderReply(one)}`,
            );
        }
      } finally {
        await asker.close();
      }
      if (flags.json !== true) return;
      const replies = found.map(({ octets }) => decode(Buffer.from(octets)));
      await print(`${jsonText(replies.length === 1 ? replies[0] : replies)}\n`);
    });
}

/** Gives a reply to the question, or throws an error in words. */
type Asker = {
  readonly ask: (name: OwnerName, type: RecordType) => Promise<LookedUp>;
  readonly close: () => Promise<void>;
};

function openAsker(flags: Flags): Asker {
  const { stub } = flags;
  if (stub) return { ask: (name, type) => askStub(stub, name, type), close: async () => {} };
  // Not as the flag's default, which --help would print with the token in it.
  const text = flags.url ?? readUrl(process.env['MESOS_DOH_URL'] || DEFAULT_URL);
  const url = readDohUrl(text, flags.token ?? tokenFrom(flags.tokenFile));
  const http = httpFor({ ca: readCa(flags.ca) });
  return { ask: (name, type) => askUrl(http, url, { name, type }), close: http.close };
}

async function askUrl(
  http: Http,
  url: DohUrl,
  { name, type }: { readonly name: OwnerName; readonly type: RecordType },
): Promise<LookedUp> {
  const started = performance.now();
  // RFC 8484 §4.1: caches see equal questions as equal.
  const question = { name, type, id: 0 };
  const came = await askDoh(http, question, { url, method: 'POST', timeoutMs: TIMEOUT_MS }, stopSignal());
  if (came.kind === 'failed') throw new Error(`${came.says}. ${came.mend}`);
  if (came.kind !== 'message') throw new Error(`${url.shown}: ${came.says}. ${came.mend}`);
  return { ...came, question, from: url.shown, elapsedMs: performance.now() - started };
}

/** Over UDP, and what is too long for it over TCP (RFC 7766 §5). */
async function askStub(server: PlainServer, name: OwnerName, type: RecordType): Promise<LookedUp> {
  const started = performance.now();
  const question = { name, type, id: randomInt(1, 65_536) };
  const ask = async (over: 'udp' | 'tcp'): Promise<LookedUp> => {
    const from = `${inUrl(server.address)}:${server.port} over ${over.toUpperCase()}`;
    const limits = { over, timeoutMs: TIMEOUT_MS, signal: stopSignal() };
    const came = await askPlain(server, queryFor(question), limits);
    if (came.kind === 'failed')
      throw new Error(`${from}: no reply (${came.code}). Does a stub run there? mesos-doh stub starts one`);
    const message = readReply(came.octets, question);
    if (typeof message === 'string') throw new Error(`${from}: ${message}`);
    return { message, octets: came.octets, question, from, elapsedMs: performance.now() - started };
  };
  const overUdp = await ask('udp');
  return (overUdp.message.flags & FLAG.TC) === 0 ? overUdp : ask('tcp');
}

function readUrl(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text.replace(/\{\?dns\}$/, ''))) return text;
  throw new InvalidArgumentError('It should be a URL such as https://doh.example.com/dns-query.');
}

/** A name, and the type that is asked for where none is given. */
type Asked = { readonly name: OwnerName; readonly usual: RecordType };

function readAsked(typed: string): Asked {
  const text = typed.trim();
  if (text === '') throw new InvalidArgumentError('It should be a name; the root is written as a dot.');
  if (text.includes('://'))
    throw new InvalidArgumentError('It should be a name alone, without a URL around it.');
  const address = parseAddress(text);
  try {
    if (address) return { name: parseName(reverseName(address)), usual: TYPE.PTR };
    return { name: parseName(text), usual: text.startsWith('_') ? TYPE.SRV : TYPE.A };
  } catch (error) {
    throw new InvalidArgumentError(error instanceof FormatError ? error.message : String(error));
  }
}

function readType(text: string): RecordType {
  const type = typeCode(text);
  if (type !== undefined) return type;
  throw new InvalidArgumentError('It should be a record type such as A, SRV or TYPE65.');
}
