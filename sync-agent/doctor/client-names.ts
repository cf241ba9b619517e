import { FormatError } from '../../zone/format-error.ts';
import { type OwnerName, parseName } from '../../zone/name.ts';
import { TYPE } from '../../zone/record.ts';
import { RCODE } from '../../zone/wire.ts';
import { addressOf } from '../client/doh-url.ts';
import type { Answered } from '../client/reply.ts';
import { askName } from './client-asking.ts';
import { judgeName, judgeRoute, type RouteTried, addressesIn, servicesOf, valuesOf } from './client-name.ts';
import type { ClientOptions, Learned, Report } from './client-options.ts';

/** Connected to where no service is known: refused or not, it tells whether the host is there. */
const ANY_PORT = 80;
const MOST_TRIED = 3;
const BEGINNING_CHARACTERS = 64 * 1024;

type Place = {
  readonly target: OwnerName;
  readonly address: string;
  readonly port: number;
  readonly isPortKnown: boolean;
};

/**
 * From a name to its task: the one that was named; else the leader, and a service if names may be listed. Gives a
 * name with its addresses.
 */
export async function checkNames(
  options: ClientOptions,
  report: Report,
  signal: AbortSignal,
): Promise<Learned['known']> {
  const { name, zone } = options;
  if (name !== undefined) return follow(options, { name, isAsked: true, isNeeded: true }, report, signal);
  const leader = await follow(
    options,
    { name: parseName(`leader.${zone}`), isAsked: false, isNeeded: false },
    report,
    signal,
  );
  const service = await someService(options, signal);
  if (service === undefined) {
    await report({
      about: 'route',
      verdict: 'skipped',
      says: 'no service is known here: name one with --name',
    });
    return leader;
  }
  return (await follow(options, { name: service, isAsked: false, isNeeded: true }, report, signal)) ?? leader;
}

type Followed = {
  readonly name: OwnerName;
  /** Somebody named it; it was not picked here. */
  readonly isAsked: boolean;
  readonly isNeeded: boolean;
};

async function follow(
  options: ClientOptions,
  { name, isAsked, isNeeded }: Followed,
  report: Report,
  signal: AbortSignal,
): Promise<Learned['known']> {
  const { zone, device } = options;
  const isService = name.startsWith('_');
  const { type, answered } = isService
    ? { type: TYPE.SRV, answered: await askName(options, { name, type: TYPE.SRV }, signal) }
    : await askAddresses(options, name, signal);
  await report(judgeName(answered, { name, type, zone, isAsked }));
  const addresses = isService ? [] : addressesIn(answered);
  const places = isService
    ? await placesOf(options, answered, signal)
    : await placesAt(options, { name, addresses }, signal);
  const [first] = places;
  if (!first) return undefined;
  const tried: RouteTried[] = await Promise.all(
    places.slice(0, MOST_TRIED).map(async ({ address, port, isPortKnown }) => ({
      address,
      port,
      isPortKnown,
      connected: await device.connect({ address, port }, signal),
    })),
  );
  await report(judgeRoute(tried, { name, isNeeded }));
  if (!isService) return { name, addresses };
  const ofTarget = places.filter(({ target }) => target === first.target);
  return { name: first.target, addresses: ofTarget.map(({ address }) => address) };
}

/** A, and AAAA where there is none. */
async function askAddresses(
  options: ClientOptions,
  name: OwnerName,
  signal: AbortSignal,
): Promise<{ readonly type: number; readonly answered: Answered }> {
  const answered = await askName(options, { name, type: TYPE.A }, signal);
  const isThere = answered.kind === 'message' && answered.message.rcode === RCODE.NOERROR;
  if (isThere && addressesIn(answered).length === 0) {
    const second = await askName(options, { name, type: TYPE.AAAA }, signal);
    if (addressesIn(second).length > 0) return { type: TYPE.AAAA, answered: second };
  }
  return { type: TYPE.A, answered };
}

/** Where a name's addresses serve something: at the ports of its service, if it has one. */
async function placesAt(
  options: ClientOptions,
  { name, addresses }: { readonly name: OwnerName; readonly addresses: readonly string[] },
  signal: AbortSignal,
): Promise<Place[]> {
  const service = addresses.length > 0 ? serviceOf(name) : undefined;
  const named = service && (await askName(options, { name: service, type: TYPE.SRV }, signal));
  const places = named ? await placesOf(options, named, signal) : [];
  const served = places.filter(({ address }) => addresses.includes(address));
  if (served.length > 0) return served;
  return addresses.map((address) => ({ target: name, address, port: ANY_PORT, isPortKnown: false }));
}

/** Where the services of an answer are: addresses come with it, or are asked for. */
async function placesOf(options: ClientOptions, answered: Answered, signal: AbortSignal): Promise<Place[]> {
  if (answered.kind !== 'message') return [];
  const places: Place[] = [];
  for (const { target: text, port } of servicesOf(answered).slice(0, MOST_TRIED)) {
    const target = nameIfAny(text);
    if (target === undefined) continue;
    let addresses = valuesOf(answered, target, TYPE.A);
    if (addresses.length === 0) {
      const asked = await askName(options, { name: target, type: TYPE.A }, signal);
      addresses = asked.kind === 'message' ? valuesOf(asked, target, TYPE.A) : [];
    }
    places.push(...addresses.map((address) => ({ target, address, port, isPortKnown: true })));
  }
  return places;
}

/** The name of a task's ports: `_search._tcp.marathon.mesos` beside `search.marathon.mesos`; none beside a long one. */
function serviceOf(name: OwnerName): OwnerName | undefined {
  const [first = '', ...rest] = name.split('.');
  return nameIfAny(`_${first}._tcp.${rest.join('.')}`);
}

function nameIfAny(text: string): OwnerName | undefined {
  try {
    return parseName(text);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** Any service, from the beginning of the list of all names, where a view lets them be listed. */
async function someService(options: ClientOptions, signal: AbortSignal): Promise<OwnerName | undefined> {
  const { http, url, address, timeoutMs, zone } = options;
  const list = { ...url, path: '/v1/enumerate' };
  try {
    const response = await http.request({
      url: addressOf(list, { isTokenInPath: true, ...(address !== undefined && { address }) }),
      ...(address !== undefined && { headers: { host: url.host } }),
      signal,
      timeoutMs,
    });
    if (response.status !== 200) {
      await response.discard();
      return undefined;
    }
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.chunks()) {
      text += decoder.decode(chunk, { stream: true });
      const found = firstService(text, zone);
      if (found !== undefined) return found;
      if (text.length > BEGINNING_CHARACTERS) return undefined;
    }
  } catch {
    signal.throwIfAborted();
  }
  return undefined;
}

function firstService(text: string, zone: OwnerName): OwnerName | undefined {
  for (const [, name = ''] of text.matchAll(
    /"name":"(_[^"]{1,260})\.","host":"[^"]{0,300}","rtype":"SRV"/g,
  )) {
    const service = name.endsWith(`.${zone}`) ? nameIfAny(name) : undefined;
    if (service !== undefined) return service;
  }
  return undefined;
}
