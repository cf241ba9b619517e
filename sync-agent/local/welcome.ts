import { setTimeout as sleep } from 'node:timers/promises';
import { parseName } from '../../zone/name.ts';
import { encodeQuestion } from '../../zone/question.ts';
import { TYPE } from '../../zone/record.ts';
import type { Published } from '../publish/published.ts';

const PAUSE_MS = 50;
const PATIENCE_MS = 15_000;

/** Resolves when the edge answers for the zone from a snapshot. Throws when it does not within seconds. */
export async function awaitAnswer(url: string, domain: string, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  let last = 'nothing';
  while (!deadline.aborted) {
    const response = await fetch(`${url}/dns-query?dns=${question(domain, TYPE.SOA)}`, {
      signal: deadline,
    }).catch(() => undefined);
    const octets = new Uint8Array((await response?.arrayBuffer().catch(() => undefined)) ?? []);
    const rcode = (octets[3] ?? 0xf) & 0xf;
    if (response?.status === 200 && rcode === 0) return;
    if (response?.status === 500 && new TextDecoder().decode(octets).includes('not set up rightly'))
      throw new Error(
        'the Worker can not use what it was given (--aliases, --merged, --merged-prefer, --verify-key): its line above says why',
      );
    last = response ? `HTTP ${response.status}, response code ${rcode}` : 'no connection';
    await sleep(PAUSE_MS, undefined, { signal: deadline }).catch(() => undefined);
  }
  signal.throwIfAborted();
  throw new Error(
    `the Worker did not answer from the snapshot within ${PATIENCE_MS / 1000} s (last: ${last})`,
  );
}

/** What stands on the screen when everything runs: the DoH URL, and commands that work when pasted. */
export function tryThese({
  url,
  tls,
  domain,
  name,
  what,
  push,
}: {
  readonly url: string;
  /** The TLS front's base URL, and the certificate to trust for it. */
  readonly tls: { readonly url: string; readonly caFile: string } | undefined;
  readonly domain: string;
  /** A name that is there. */
  readonly name: string;
  readonly what: string;
  readonly push: Published;
}): string {
  const doh = `${url}/dns-query`;
  return `
zone ${domain} of ${what}, serial ${push.serial}

DoH URL   ${doh}${tls ? `\n          ${tls.url}/dns-query\nCA file   ${tls.caFile}` : ''}

Try
  curl      curl -s '${doh}?dns=${question(name, TYPE.A)}' | od -A d -t x1z
  look up   npx mesos-doh lookup ${name} --url ${doh}
  browser   ${url}/?name=${name}&type=A${tls ? `\n  kdig      ${kdigLine(tls, name)}` : ''}

Ctrl-C stops everything; what was published stays for the next run.
ready
`;
}

function kdigLine({ url, caFile }: { readonly url: string; readonly caFile: string }, name: string): string {
  const { hostname, port } = new URL(url);
  return `kdig @${hostname} -p ${port} +https +tls-ca='${caFile}' +tls-hostname=localhost ${name}`;
}

/** A query as RFC 8484's `dns` parameter. */
function question(name: string, type: number): string {
  return Buffer.from(encodeQuestion({ name: parseName(name), type })).toString('base64url');
}
