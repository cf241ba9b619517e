import { TYPE } from '../../zone/record.ts';
import { rdataText } from '../../zone/rdata-text.ts';
import type { PlainServer } from '../client/device.ts';
import { queryFor, readReply } from '../client/reply.ts';
import { judgeBrowsers, readBrowsers } from './client-browsers.ts';
import { isInside } from './client-connection.ts';
import { rcodeName } from './client-doh.ts';
import type { ClientFinding } from './client-finding.ts';
import type { ClientOptions, Learned, Report } from './client-options.ts';
import { judgeResolved } from './client-resolved.ts';
import { isLoopbackServer, readServer, type ResolverFacts, scopesFor } from './client-resolver.ts';
import { judgeStub, type StubReply } from './client-stub.ts';
import { judgeSetUp, judgeSystem } from './client-system.ts';

/** How this machine's own resolver, the stub and browsers are set up, beside what the resolver says. */
export async function checkMachine(
  options: ClientOptions,
  {
    resolver,
    learned,
    report,
    soFar,
  }: {
    readonly resolver: ResolverFacts;
    readonly learned: Learned;
    readonly report: Report;
    readonly soFar: () => readonly ClientFinding[];
  },
  signal: AbortSignal,
): Promise<void> {
  const { zone, device, url } = options;
  await report(...judgeResolved(resolver, zone));
  const { servers, isUsed } = stubsOf(options, resolver);
  for (const server of servers) {
    const udp = await askStub(options, server, 'udp', signal);
    const tcp = await askStub(options, server, 'tcp', signal);
    await report(judgeStub({ server, isUsed, udp, tcp }, zone));
  }
  const { known, forwards } = learned;
  if (known) {
    const found = await device.lookUp(known.name, signal);
    const isSetUp = routesOf(resolver, options).length > 0;
    await report(judgeSystem({ name: known.name, expected: known.addresses, found, isSetUp }));
  }
  // A cluster's addresses are private, as long as nothing else is known of them.
  const hasPrivate = known?.addresses.some((address) => isInside(address)) ?? true;
  await report(...judgeBrowsers(await readBrowsers(device), { url, forwards, hasPrivate }));
  await report(...judgeSetUp(soFar()));
}

/** Servers that systemd-resolved sends the zone to. */
function routesOf(
  { resolved }: ResolverFacts,
  { zone }: Pick<ClientOptions, 'zone'>,
): readonly PlainServer[] {
  if (resolved.kind !== 'running') return [];
  return scopesFor(resolved.scopes, zone)
    .flatMap(({ servers }) => servers)
    .map((server) => readServer(server))
    .filter((server) => server !== undefined);
}

/** The stubs to ask: where systemd-resolved or resolv.conf sends names on this machine, else where ours would be. */
function stubsOf(
  options: ClientOptions,
  resolver: ResolverFacts,
): { readonly servers: readonly PlainServer[]; readonly isUsed: boolean } {
  const { stub } = options;
  const named = resolver.nameservers
    .map((server) => readServer(server))
    .filter((server) => server?.address === stub.address && server.port === stub.port);
  const routed = routesOf(resolver, options).filter((server) => isLoopbackServer(server));
  const used = named.length > 0 ? [...routed, stub] : routed;
  const distinct = [...new Map(used.map((server) => [`${server.address} ${server.port}`, server])).values()];
  return distinct.length > 0 ? { servers: distinct, isUsed: true } : { servers: [stub], isUsed: false };
}

async function askStub(
  { device, zone, randomId }: ClientOptions,
  server: PlainServer,
  over: 'udp' | 'tcp',
  signal: AbortSignal,
): Promise<StubReply> {
  const question = { name: zone, type: TYPE.SOA, id: randomId() };
  const came = await device.askPlain(server, queryFor(question), { over, signal });
  if (came.kind === 'failed') return { code: came.code };
  const message = readReply(came.octets, question);
  if (typeof message === 'string') return { says: message };
  const soa = message.answers.find(({ type }) => type === TYPE.SOA);
  if (!soa) return { says: `${zone} is ${rcodeName(message.rcode)}` };
  return { serial: Number(rdataText(came.octets, soa).split(' ')[2]) };
}
