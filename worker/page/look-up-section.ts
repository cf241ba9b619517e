import { html } from 'hono/html';
import type { Mark } from './conditions.ts';
import { durationText } from './duration.ts';
import { icon } from './icon.ts';
import { type LookUp, TYPES, type Value } from './look-up.ts';

/** The box to ask a name, and what was answered. `base` stands before each path of ours. */
export function lookUpSection(lookUp: LookUp | undefined, base: string, example: string): unknown {
  return html`<section aria-labelledby="look-up">
    <h2 id="look-up">Look up</h2>
    <form method="get" action="${base}/#look-up">
      <label class="wide">
        Name
        <input
          name="name"
          value="${lookUp?.name ?? ''}"
          placeholder="${example}"
          required
          autocomplete="off"
          autocapitalize="none"
          spellcheck="false"
        />
      </label>
      <label>
        Type
        <select name="type">
          ${TYPES.map((type) => html`<option ${type === lookUp?.type ? 'selected' : ''}>${type}</option>`)}
        </select>
      </label>
      <button>Look up</button>
    </form>
    ${lookUp && resultOf(lookUp, base)}
  </section>`;
}

/** The address of a look-up on this page. */
export function lookUpPath(base: string, name: string, type: string): string {
  return `${base}/?${new URLSearchParams({ name, type }).toString()}#look-up`;
}

function resultOf(lookUp: LookUp, base: string): unknown {
  const { name, type, outcome = 'Not a name', values, extendedErrors, from } = lookUp;
  const [mark, says] = saying(lookUp);
  return html`<div class="card answer" role="status">
    <h3>${name} <span>${type}</span></h3>
    <p>${icon(mark)} <b class="${mark}">${outcome}</b> ${says}</p>
    ${
      values.length > 0 &&
      html`<table>
        <thead>
          <tr>
            <th scope="col">Value</th>
            <th scope="col">Type</th>
            <th scope="col">TTL</th>
          </tr>
        </thead>
        <tbody>
          ${values.map((value) => rowOf(value, { name, base }))}
        </tbody>
      </table>`
    }
    ${extendedErrors.map(
      ({ code, text }) =>
        html`<p class="soft">
          ${EXTENDED_ERRORS[code] ?? `Extended error ${code}`}${text === '' ? '' : `: ${text}`}
        </p>`,
    )}
    ${
      from &&
      html`<p class="soft">
        From zone <b>${from.origin}</b>, serial ${from.serial}, vouched for ${durationText(from.ageSeconds)}
        ago
      </p>`
    }
  </div>`;
}

/** What came of it, in one sentence. */
function saying({ type, outcome, problem, values }: LookUp): readonly [Mark, string] {
  switch (outcome) {
    case 'NOERROR':
      return ['good', values.length === 1 ? '1 value' : `${values.length} values`];
    case 'NODATA':
      return ['wait', `The name is there, and has no ${type === 'ANY' ? 'records' : type}.`];
    case 'NXDOMAIN':
      return [
        'bad',
        'No such name, and nothing below it. A task that has just started takes up to a minute or two.',
      ];
    case 'REFUSED':
      return ['warn', 'Not answered here: it is in no zone of yours, and other names are not forwarded.'];
    case 'SERVFAIL':
      return ['bad', 'It can not be told now whether the name exists. Try again.'];
    case undefined:
      return ['warn', problem ?? ''];
    default:
      return ['warn', 'The resolver that was asked says so.'];
  }
}

/** IANA "Extended DNS Error Codes", those that people meet here. */
const EXTENDED_ERRORS: Readonly<Record<number, string>> = {
  3: 'Old answer',
  6: 'DNSSEC does not hold',
  14: 'Not ready',
  15: 'Blocked',
  18: 'Not allowed',
  19: 'Old answer',
  21: 'Not supported',
  22: 'No server of the name answers',
  23: 'The network failed',
  24: 'The data can not be used',
};

function rowOf(value: Value, { name, base }: { name: string; base: string }): unknown {
  const { owner, type, ttlSeconds } = value;
  const other = owner !== name.toLowerCase().replace(/\.$/, '');
  return html`<tr>
    <td>${other && html`<small>${owner}</small>`} ${textOf(value, base)}</td>
    <td>${type}</td>
    <td>${durationText(ttlSeconds)}</td>
  </tr>`;
}

const SOA_FIELDS = ['', 'mailbox', 'serial', 'refresh', 'retry', 'expire', 'negative TTL'];

function textOf({ owner, type, text, addresses }: Value, base: string): unknown {
  const fields = text.split(' ');
  const [priority, weight, port = '', target = ''] = fields;
  if (type === 'SRV' && fields.length === 4) {
    const [first] = addresses;
    const host = first?.includes(':') === true ? `[${first}]` : first;
    return html`<a href="${lookUpPath(base, target, 'A')}">${target.replace(/\.$/, '')}</a>:${port}
      <small>
        ${addresses.length > 0 ? addresses.join(', ') : 'no address'}
        ${priority !== '0' && `· priority ${priority}`}
        ${weight !== '0' && weight !== '1' && `· weight ${weight}`}
        ${
          host !== undefined &&
          owner.includes('._tcp.') &&
          html`· <a href="http://${host}:${port}/" rel="noreferrer">try as http</a>`
        }
      </small>`;
  }
  if (type === 'SOA' && fields.length === 7)
    return fields.map((field, i) => html`<small>${SOA_FIELDS[i]} ${field}</small> `);
  return ['NS', 'PTR', 'CNAME'].includes(type)
    ? html`<a href="${lookUpPath(base, text, 'A')}">${text}</a>`
    : text;
}
