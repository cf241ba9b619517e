import { hash } from 'node:crypto';

/** How names are cut to labels: RFC 1123 (63 characters) or, as mesos-dns's `enforceRFC952`, RFC 952 (24). */
export type LabelRules = 'rfc1123' | 'rfc952';

/** What label form leaves as it is. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const Z_BASE_32 = 'ybndrfg8ejkmcpqxot1uwisza345h769';

/**
 * Label form of a text (mesos-dns `records/labels`): lower case, `-`, `.` and `_` as `-`, all else dropped,
 * no dash (RFC 952: nor digit) in front. May be empty; may end in a dash where a long text was cut.
 */
export function toLabel(text: string, rules: LabelRules): string {
  if (rules === 'rfc1123' && LABEL.test(text)) return text;
  const mapped = text
    .replace(/[A-Z]/g, (capital) => capital.toLowerCase())
    .replace(/[._]/g, '-')
    .replace(/[^a-z0-9-]/g, '')
    .replace(rules === 'rfc952' ? /^[-0-9]+/ : /^-+/, '');
  const max = rules === 'rfc952' ? 24 : 63;
  if (mapped.length <= max) return withoutEndDashes(mapped);
  const cut = mapped.slice(0, max);
  const head = withoutEndDashes(cut);
  if (head.length === max) return head;
  // Dashes stood at the cut: what follows them fills the label up, and is not looked at again.
  const tail = mapped.slice(max).replace(/^-+/, '');
  return head + tail.slice(0, max - head.length);
}

/** A framework's part of a name: label form of each dotted piece, empty ones dropped. */
export function toFrameworkPart(name: string, rules: LabelRules): string {
  return name
    .split('.')
    .map((piece) => toLabel(piece, rules))
    .filter((label) => label !== '')
    .join('.');
}

/** The first 25 bits of the SHA-1 of a task's id, as five z-base-32 characters. */
export function taskHash(taskId: string): string {
  const bits = Number.parseInt(hash('sha1', taskId, 'hex').slice(0, 8), 16);
  let text = '';
  for (let shift = 27; shift >= 7; shift -= 5) text += Z_BASE_32.charAt((bits >>> shift) & 31);
  return text;
}

/** What follows the last dash of an agent's id, lower-cased: `…-S12` gives `s12`. */
export function agentTail(agentId: string): string {
  return agentId.slice(agentId.lastIndexOf('-') + 1).toLowerCase();
}

function withoutEndDashes(text: string): string {
  let end = text.length;
  while (text[end - 1] === '-') end--;
  return text.slice(0, end);
}
