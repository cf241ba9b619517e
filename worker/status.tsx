import { Buffer } from 'node:buffer';
import { type Answer, decode, type DecodedPacket } from 'dns-packet';
import { html } from 'hono/html';
import { FormatError } from '../zone/format-error.ts';
import { parseName } from '../zone/name.ts';
import { readQuery } from '../zone/query.ts';
import { encodeQuestion } from '../zone/question.ts';
import { TYPE, typeCode } from '../zone/record.ts';
import type { Health, ZoneHealth } from './health.ts';
import { resolve, type ResolveOptions } from './resolve.ts';
import type { WaitUntil } from './snapshot/share.ts';

/** A look-up as a person reads it. */
export type PageLookup = {
  readonly name: string;
  readonly type: string;
  readonly outcome: string;
  readonly answers: readonly {
    readonly name: string;
    readonly ttl: string;
    readonly type: string;
    readonly data: string;
  }[];
};

/** Types the page offers. */
const TYPES = ['A', 'AAAA', 'SRV', 'SOA', 'NS', 'TXT'] as const;

/** Asks as a DoH client would, and decodes the reply with dns-packet. */
export async function lookupForPage(
  { name, type }: { name: string; type: string },
  options: ResolveOptions,
  waitUntil: WaitUntil,
): Promise<PageLookup> {
  const asked = TYPES.find((known) => typeCode(known) === typeCode(type)) ?? 'A';
  try {
    const query = readQuery(encodeQuestion({ name: parseName(name), type: TYPE[asked] }));
    if (query?.kind !== 'query') throw new FormatError('question', 'can not be asked');
    const { octets } = await resolve(query, options, waitUntil);
    const reply = decoded(octets);
    const answers = (reply.answers ?? []).map((answer) => readable(answer));
    const rcode = 'rcode' in reply ? String(reply.rcode) : '';
    const outcome =
      rcode === 'NOERROR' && answers.length === 0 ? `NODATA: the name exists, it has no ${asked}` : rcode;
    return { name, type: asked, outcome, answers };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { name, type: asked, outcome: error.message, answers: [] };
  }
}

/** An upstream's records are its own affair, readable or not. */
function decoded(octets: Uint8Array): DecodedPacket {
  try {
    return decode(Buffer.from(octets));
  } catch {
    throw new FormatError('reply', 'holds what can not be read');
  }
}

function readable(answer: Answer): PageLookup['answers'][number] {
  const ttl = 'ttl' in answer && answer.ttl !== undefined ? `${answer.ttl} s` : '';
  return { name: answer.name, ttl, type: answer.type, data: dataText('data' in answer ? answer.data : '') };
}

function dataText(data: unknown): string {
  if (typeof data === 'object' && data !== null && !Array.isArray(data) && !(data instanceof Uint8Array)) {
    return Object.values(data).join(' ');
  }
  return Array.isArray(data) ? data.map(String).join(' ') : String(data);
}

/** The page for people: zones, their age, and a look-up. Works without script. */
export function statusPage(
  health: Health,
  { dohUrl, lookup }: { dohUrl: string; lookup: PageLookup | undefined },
): Response {
  const page = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>mesos-doh</title>
        <style>{html`${STYLE}`}</style>
      </head>
      <body>
        <main>
          <h1>mesos-doh</h1>
          <p>
            DNS over HTTPS at <code>{dohUrl}</code>
          </p>
          {health.access === 'open' && <p class="warning">Anybody who can reach this address may ask it.</p>}
          <h2>Zones</h2>
          <table>
            <thead>
              <tr>
                <th>Zone</th>
                <th>State</th>
                <th>Serial</th>
                <th>Age</th>
                <th>Notes</th>
              </tr>
            </thead>
            <tbody>{health.zones.map((zone) => zoneRow(zone))}</tbody>
          </table>
          <h2>Look up</h2>
          <form method="get" action="/">
            <label>
              Name{' '}
              <input name="name" value={lookup?.name ?? ''} placeholder="search.marathon.mesos" required />
            </label>{' '}
            <label>
              Type{' '}
              <select name="type">
                {TYPES.map((type) => (
                  <option selected={type === lookup?.type}>{type}</option>
                ))}
              </select>
            </label>{' '}
            <button type="submit">Look up</button>
          </form>
          {lookup && lookupResult(lookup)}
        </main>
      </body>
    </html>
  );
  return new Response(`<!doctype html>${String(page)}`, {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    },
  });
}

function zoneRow(zone: ZoneHealth): unknown {
  const { origin, status, serial, ageSeconds } = zone;
  return (
    <tr>
      <td>{origin}</td>
      <td>{status === 'not-ready' ? 'no snapshot yet' : status}</td>
      <td>{serial ?? '–'}</td>
      <td>{ageSeconds === undefined ? '–' : `${ageSeconds} s`}</td>
      <td>{notesOf(zone).join('; ')}</td>
    </tr>
  );
}

function notesOf({ held, heldSinceSeconds = 0, pinned, restored, problem }: ZoneHealth): string[] {
  return [
    ...(held === undefined ? [] : [`held: ${held} names for ${heldSinceSeconds} s`]),
    ...(pinned === undefined ? [] : [`pinned: ${pinned}`]),
    ...(restored === undefined ? [] : [`restored: ${restored} times`]),
    ...(problem === undefined ? [] : [problem]),
  ];
}

function lookupResult({ name, type, outcome, answers }: PageLookup): unknown {
  return (
    <section aria-live="polite">
      <h3>
        {name} {type}: {outcome}
      </h3>
      {answers.length > 0 && (
        <table>
          <tbody>
            {answers.map((answer) => (
              <tr>
                <td>{answer.name}</td>
                <td>{answer.ttl}</td>
                <td>{answer.type}</td>
                <td>{answer.data}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: left; padding: .25rem 1rem .25rem 0; }
.warning { border-left: 4px solid #c60; padding-left: .75rem; }
`;
