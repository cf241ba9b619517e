import { html, raw } from 'hono/html';
import { FormatError } from '../zone/format-error.ts';
import { type MessageRecord, readMessage } from '../zone/message.ts';
import { parseName } from '../zone/name.ts';
import { readQuery } from '../zone/query.ts';
import { encodeQuestion } from '../zone/question.ts';
import { rdataText } from '../zone/rdata-text.ts';
import { TYPE, typeCode, typeName } from '../zone/record.ts';
import { RCODE } from '../zone/wire.ts';
import type { Health, ZoneHealth } from './health.ts';
import { resolve, type ResolveOptions } from './resolve.ts';
import { pageHeaders } from './security-headers.ts';
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

/** Asks as a DoH client would, and reads the reply. */
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
    const reply = readMessage(octets);
    const answers = reply.answers.map((answer) => readable(octets, answer));
    const rcode = rcodeName(reply.rcode);
    const outcome =
      rcode === 'NOERROR' && answers.length === 0 ? `NODATA: the name exists, it has no ${asked}` : rcode;
    return { name, type: asked, outcome, answers };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { name, type: asked, outcome: error.message, answers: [] };
  }
}

function rcodeName(rcode: number): string {
  return Object.entries(RCODE).find(([, code]) => code === rcode)?.[0] ?? `RCODE ${rcode}`;
}

function readable(octets: Uint8Array, answer: MessageRecord): PageLookup['answers'][number] {
  const { name, ttl, type } = answer;
  return { name, ttl: `${ttl} s`, type: typeName(type), data: rdataText(octets, answer) };
}

/** The page for people: zones, their age, and a look-up. Works without script. */
export function statusPage(
  health: Health,
  /** `base` stands before each path of ours: `/t/<token>`, or nothing. */
  { base, dohUrl, lookup }: { base: string; dohUrl: string; lookup: PageLookup | undefined },
): Response {
  const { access, zones } = health;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>mesos-doh</title>
        <style>
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <main>
          <h1>mesos-doh</h1>
          <p>DNS over HTTPS at <code>${dohUrl}</code></p>
          ${access === 'open' && html`<p class="warning">Anybody who can reach this address may ask it.</p>`}
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
            <tbody>
              ${zones.map((zone) => rowOf(cellsOf(zone)))}
            </tbody>
          </table>
          <h2>Look up</h2>
          <form method="get" action="${base}/">
            <label>
              Name
              <input name="name" value="${lookup?.name ?? ''}" placeholder="search.marathon.mesos" required />
            </label>
            <label>
              Type
              <select name="type">
                ${TYPES.map((type) => optionOf(type, type === lookup?.type))}
              </select>
            </label>
            <button type="submit">Look up</button>
          </form>
          ${lookup && resultOf(lookup)}
        </main>
      </body>
    </html>`;
  return new Response(String(page), { headers: pageHeaders(dohUrl) });
}

function rowOf(cells: readonly string[]): unknown {
  return html`<tr>
    ${cells.map((cell) => html`<td>${cell}</td>`)}
  </tr>`;
}

function optionOf(type: string, selected: boolean): unknown {
  return html`<option ${selected ? 'selected' : ''}>${type}</option>`;
}

function cellsOf(zone: ZoneHealth): readonly string[] {
  const { origin, status, serial, ageSeconds } = zone;
  return [
    origin,
    status === 'not-ready' ? 'no snapshot yet' : status,
    String(serial ?? '–'),
    ageSeconds === undefined ? '–' : `${ageSeconds} s`,
    notesOf(zone).join('; '),
  ];
}

function notesOf({ held, heldSinceSeconds = 0, pinned, restored, problem }: ZoneHealth): string[] {
  return [
    ...(held === undefined ? [] : [`held: ${held} names for ${heldSinceSeconds} s`]),
    ...(pinned === undefined ? [] : [`pinned: ${pinned}`]),
    ...(restored === undefined ? [] : [`restored: ${restored} times`]),
    ...(problem === undefined ? [] : [problem]),
  ];
}

function resultOf({ name, type, outcome, answers }: PageLookup): unknown {
  const rows = answers.map((answer) => rowOf([answer.name, answer.ttl, answer.type, answer.data]));
  return html`<section aria-live="polite">
    <h3>${name} ${type}: ${outcome}</h3>
    ${
      rows.length > 0 &&
      html`<table>
        <tbody>
          ${rows}
        </tbody>
      </table>`
    }
  </section>`;
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: left; padding: .25rem 1rem .25rem 0; }
.warning { border-left: 4px solid #c60; padding-left: .75rem; }
`;
