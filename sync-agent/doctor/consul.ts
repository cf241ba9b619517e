import { type Finding, reasonOf } from './finding.ts';

/** What Consul answers to one GET. */
type Answer = {
  readonly body: unknown;
  /** `X-Consul-Index`; 0: it has none. */
  readonly index: number;
  /** Rights left something out. */
  readonly isFiltered: boolean;
};

type Api = {
  /** For people, without secrets. */
  readonly name: string;
  readonly get: (
    path: string,
    query: { readonly datacenter: string | undefined },
    signal: AbortSignal,
  ) => Promise<Answer>;
};

export type ConsulCheck = {
  readonly api: Api;
  /** As configured; none: that of the agent that is asked. */
  readonly datacenters: readonly string[];
};

const about = 'Consul';
const RIGHTS =
  'Give its ACL token node:read and service:read for all that is to be published (docs/consul.md)';
const LISTS = [
  { path: '/v1/catalog/services', noun: 'services' },
  { path: '/v1/catalog/nodes', noun: 'nodes' },
] as const;

/** Can Consul be reached, are its datacentres there, may the token see anything, and can changes be waited for? */
export async function checkConsul(
  { api, datacenters }: ConsulCheck,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  let known: readonly string[];
  try {
    // Needs no right, so that what fails here is the way to it.
    known = namesIn((await api.get('/v1/catalog/datacenters', { datacenter: undefined }, signal)).body);
  } catch (error) {
    signal.throwIfAborted();
    const mend = 'Check consul.url, its TLS files, and that an agent or a server of Consul answers there';
    return [{ about, verdict: 'wrong', says: reasonOf(error), mend }];
  }
  const missing = datacenters.filter((name) => !known.some((each) => each.toLowerCase() === name));
  const findings: Finding[] = missing.map((name) => ({
    about,
    verdict: 'wrong',
    says: `it knows no datacentre ${name}, but ${known.join(', ') || 'none'}`,
    mend: 'Is it written right in consul.datacenters, and joined to this one (WAN)?',
  }));
  if (missing.length === 0) {
    const read = datacenters.length === 0 ? 'the agent’s own is read' : `${datacenters.join(', ')} read`;
    const says = `${api.name.replace(/^consul-catalog /, '')} answers, with the datacentres ${known.join(', ')}; ${read}`;
    findings.push({ about, verdict: 'well', says });
  }
  const asked =
    datacenters.length === 0 ? [undefined] : datacenters.filter((name) => !missing.includes(name));
  for (const datacenter of asked) findings.push(...(await checkDatacenter(api, datacenter, signal)));
  return findings;
}

async function checkDatacenter(
  api: Api,
  datacenter: string | undefined,
  signal: AbortSignal,
): Promise<Finding[]> {
  const where = datacenter === undefined ? 'its datacentre' : `datacentre ${datacenter}`;
  const findings: Finding[] = [];
  const counts: string[] = [];
  let hasIndex = true;
  for (const { path, noun } of LISTS) {
    try {
      const answer = await api.get(path, { datacenter }, signal);
      const count = countIn(answer);
      counts.push(`${count} ${count === 1 ? noun.slice(0, -1) : noun}`);
      hasIndex &&= answer.index > 0;
      findings.push(...rightsFindings({ where, noun, count, isFiltered: answer.isFiltered }));
    } catch (error) {
      signal.throwIfAborted();
      findings.push({ about, verdict: 'wrong', says: `${where}: ${reasonOf(error)}`, mend: RIGHTS });
    }
  }
  if (findings.length === 0)
    findings.push({ about, verdict: 'well', says: `${where}: ${counts.join(', ')}` });
  if (counts.length > 0 && !hasIndex)
    findings.push({
      about,
      verdict: 'advice',
      says: `${where}: answers have no X-Consul-Index, so changes can't be waited for: it is asked again and again`,
      mend: 'Does a proxy on the way take it away?',
    });
  return findings;
}

/** Where rights are missing Consul answers 200, without what may not be seen. */
function rightsFindings({
  where,
  noun,
  count,
  isFiltered,
}: {
  readonly where: string;
  readonly noun: string;
  readonly count: number;
  readonly isFiltered: boolean;
}): Finding[] {
  if (count === 0)
    return [
      { about, verdict: 'wrong', says: `${where} shows no ${noun}, and always has some`, mend: RIGHTS },
    ];
  if (!isFiltered) return [];
  const says = `${where} keeps some ${noun} back: the token may see ${count} of them`;
  return [{ about, verdict: 'advice', says, mend: RIGHTS }];
}

function namesIn(body: unknown): readonly string[] {
  return Array.isArray(body) ? body.filter((name) => typeof name === 'string') : [];
}

function countIn({ body }: Answer): number {
  if (Array.isArray(body)) return body.length;
  return typeof body === 'object' && body !== null ? Object.keys(body).length : 0;
}
