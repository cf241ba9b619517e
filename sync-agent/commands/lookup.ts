import { type Command, InvalidArgumentError } from 'commander';
import { type Answer, decode } from 'dns-packet';
import { FormatError } from '../../zone/format-error.ts';
import { type OwnerName, parseName } from '../../zone/name.ts';
import { encodeQuestion } from '../../zone/question.ts';
import { type RecordType, TYPE, typeCode, typeName } from '../../zone/record.ts';
import { hideTokens } from '../hide-tokens.ts';
import { createHttp } from '../http.ts';
import { stopSignal } from './terminal.ts';

const DEFAULT_URL = 'http://127.0.0.1:8787/dns-query';
const TIMEOUT_MS = 5_000;

type Flags = { readonly url?: string; readonly json?: boolean };

const EXAMPLES = `
Examples:
  mesos-doh lookup search.marathon.mesos
  mesos-doh lookup _search._tcp.marathon.mesos SRV --url https://doh.example.com/dns-query
  mesos-doh lookup leader.mesos --json`;

export function addLookupCommand(program: Command): void {
  program
    .command('lookup')
    .description('ask a DoH URL and show the answer')
    .argument('<name>', 'the name to ask for', readName)
    .argument(
      '[type]',
      'A, AAAA, SRV, ANY, TYPE65, … (default: SRV for names that begin with _, else A)',
      readType,
    )
    .option('--url <url>', `the DoH URL, also from MESOS_DOH_URL (default: ${DEFAULT_URL})`, readUrl)
    .option('--json', 'print the whole reply as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (name: OwnerName, type: RecordType | undefined, flags: Flags) => {
      const { json } = flags;
      // Not as the flag's default, which --help would print with the token in it.
      const url = flags.url ?? readUrl(process.env['MESOS_DOH_URL'] || DEFAULT_URL);
      const asked = type ?? (name.startsWith('_') ? TYPE.SRV : TYPE.A);
      const started = performance.now();
      const { reply, snapshot } = await ask(url, name, asked);
      if (json === true) process.stdout.write(`${JSON.stringify(reply, undefined, 1)}\n`);
      else
        process.stdout.write(
          render(reply, {
            name,
            type: typeName(asked),
            url,
            snapshot,
            elapsedMs: performance.now() - started,
          }),
        );
    });
}

type Reply = ReturnType<typeof decode>;

async function ask(
  url: string,
  name: OwnerName,
  type: RecordType,
): Promise<{ reply: Reply; snapshot: string | undefined }> {
  const http = createHttp();
  try {
    const body = encodeQuestion({ name, type, edns: true });
    const headers = { 'content-type': 'application/dns-message', accept: 'application/dns-message' };
    const response = await http.request({
      method: 'POST',
      url,
      headers,
      body,
      signal: stopSignal(),
      timeoutMs: TIMEOUT_MS,
      maxOctets: 65_535,
    });
    if (response.status !== 200) throw await response.refusal();
    return { reply: decode(Buffer.from(await response.bytes())), snapshot: response.headers['snapshot'] };
  } finally {
    await http.close();
  }
}

/** The reply as dig shows it: status and flags, sections, and where it is from. */
function render(
  reply: Reply,
  facts: { name: string; type: string; url: string; snapshot: string | undefined; elapsedMs: number },
): string {
  const flags = [reply.flag_aa && 'aa', reply.flag_tc && 'tc', reply.flag_rd && 'rd', reply.flag_ra && 'ra'];
  const status = 'rcode' in reply ? String(reply.rcode) : 'NOERROR';
  const lines = [`;; ${facts.name} ${facts.type}: ${status}; flags: ${flags.filter(Boolean).join(' ')}`];
  for (const [title, records] of Object.entries({
    ANSWER: reply.answers,
    AUTHORITY: reply.authorities,
    ADDITIONAL: reply.additionals,
  })) {
    const shown = (records ?? [])
      .filter((record) => record.type !== 'OPT')
      .map((record) => recordLine(record));
    if (shown.length > 0) lines.push('', `;; ${title}`, ...shown);
  }
  for (const line of extendedErrors(reply)) lines.push('', `;; ${line}`);
  const snapshot = facts.snapshot === undefined ? '' : `, snapshot ${facts.snapshot.replace(';', ', ')} s`;
  lines.push('', `;; from ${hideTokens(facts.url)} in ${Math.round(facts.elapsedMs)} ms${snapshot}`, '');
  return lines.join('\n');
}

function recordLine(record: Answer): string {
  const ttl = 'ttl' in record ? String(record.ttl ?? '') : '';
  return [`${record.name}.`, ttl, 'IN', record.type, dataText('data' in record ? record.data : '')].join(
    '\t',
  );
}

function dataText(data: unknown): string {
  if (Array.isArray(data)) return data.map(String).join(' ');
  if (typeof data !== 'object' || data === null || data instanceof Uint8Array) return String(data);
  const fields = new Map(Object.entries(data));
  if (fields.has('target'))
    return `${text(fields, 'priority')} ${text(fields, 'weight')} ${text(fields, 'port')} ${text(fields, 'target')}.`;
  // SOA: two names and five numbers.
  return [...fields]
    .map(([key, value]) => (key.endsWith('name') ? `${String(value)}.` : String(value)))
    .join(' ');
}

function text(fields: ReadonlyMap<string, unknown>, key: string): string {
  return String(fields.get(key) ?? 0);
}

/** RFC 8914: a code and words that say why. */
function extendedErrors(reply: Reply): string[] {
  const lines: string[] = [];
  for (const record of reply.additionals ?? []) {
    if (record.type !== 'OPT') continue;
    for (const option of record.options) {
      const code: number = option.code;
      const data: unknown = 'data' in option ? option.data : undefined;
      if (code !== 15 || !Buffer.isBuffer(data)) continue;
      lines.push(`extended error ${data.readUInt16BE(0)}: ${data.subarray(2).toString('utf8')}`);
    }
  }
  return lines;
}

function readUrl(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('It should be a URL such as https://doh.example.com/dns-query.');
}

function readName(name: string): OwnerName {
  if (name === '') throw new InvalidArgumentError('It should be a name; the root is written as a dot.');
  try {
    return parseName(name);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof FormatError ? error.message : String(error));
  }
}

function readType(text: string): RecordType {
  const type = typeCode(text);
  if (type !== undefined) return type;
  throw new InvalidArgumentError('It should be a record type such as A, SRV or TYPE65.');
}
