import type { Target } from '../../connect/kit.ts';
import type { Message } from '../../zone/message.ts';
import { parseName } from '../../zone/name.ts';
import { TYPE } from '../../zone/record.ts';
import { RCODE } from '../../zone/wire.ts';
import { type DohUrl, readDohUrl } from '../client/doh-url.ts';
import { askDoh } from '../client/doh.ts';
import type { Http } from '../http.ts';

/** A door to the DoH host: at that address, where one is given. */
export type OpenHttp = (url: DohUrl, address: string | undefined) => Http;

/** What came of a question; `says` what is wrong and what helps, without a secret. */
export type Probed =
  { readonly kind: 'answered' } | { readonly kind: 'refused' | 'unanswered'; readonly says: string };

/** Every resolver that answers names of the Internet has an answer to this one (RFC 2606 §3). */
const PUBLIC_NAME = 'example.com';
const TIMEOUT_MS = 5_000;

/** Is a public name answered, as browsers need it? Throws the signal's reason alone. */
export function probePublic(target: Target, doors: Doors): Promise<Probed> {
  return probe(
    target,
    { name: PUBLIC_NAME, type: TYPE.A, isAnswer: ({ answers }) => answers.length > 0 },
    doors,
  );
}

/** Is our first zone there? Throws the signal's reason alone. */
export function probeZone(target: Target, doors: Doors): Promise<Probed> {
  return probe(target, { name: target.zones[0] ?? 'mesos', type: TYPE.SOA, isAnswer: () => true }, doors);
}

/** A question, and whether a reply without an error answers it. */
type Trial = {
  readonly name: string;
  readonly type: number;
  readonly isAnswer: (message: Message) => boolean;
};

type Doors = { readonly open: OpenHttp; readonly signal: AbortSignal };

/** At each given address, until there is a reply. */
async function probe(
  { dohUrl, addresses = [] }: Target,
  trial: Trial,
  { open, signal }: Doors,
): Promise<Probed> {
  const url = readDohUrl(dohUrl);
  const question = { name: parseName(trial.name), type: trial.type, id: 0 };
  let says = '';
  for (const address of addresses.length > 0 ? addresses : [undefined]) {
    const http = open(url, address);
    try {
      const asking = { url, method: 'POST', address, timeoutMs: TIMEOUT_MS } as const;
      const came = await askDoh(http, question, asking, signal);
      if (came.kind === 'message') return judge(came.message, trial, url.shown);
      says = `${url.shown}${address === undefined ? '' : ` at ${address}`}: ${came.says}. ${came.mend}`;
    } finally {
      await http.close();
    }
  }
  return { kind: 'unanswered', says };
}

function judge(message: Message, { name, isAnswer }: Trial, shown: string): Probed {
  const { rcode } = message;
  if (rcode === RCODE.NOERROR && isAnswer(message)) return { kind: 'answered' };
  const [word = `RCODE ${rcode}`] = Object.entries(RCODE).find(([, code]) => code === rcode) ?? [];
  const says = `${shown} says ${word === 'NOERROR' ? 'nothing' : word} to a question for ${name}`;
  return { kind: rcode === RCODE.REFUSED ? 'refused' : 'unanswered', says };
}
