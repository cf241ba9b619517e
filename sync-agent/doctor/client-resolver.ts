import type { Device, PlainServer } from '../client/device.ts';

/** How this machine resolves names. */
export type ResolverFacts = {
  /** What resolvectl says; `absent`: there is none; `down`: systemd-resolved does not answer it. */
  readonly resolved:
    | { readonly kind: 'absent' }
    | { readonly kind: 'down' }
    | { readonly kind: 'running'; readonly version: number | undefined; readonly scopes: readonly Scope[] };
  /** Zones without DNSSEC, from `/etc/dnssec-trust-anchors.d/*.negative`. */
  readonly unsigned: readonly string[];
  /** The services of `hosts:` in nsswitch.conf, in order. */
  readonly hosts: readonly string[] | undefined;
  /** Of resolv.conf. */
  readonly nameservers: readonly string[];
};

/** Where systemd-resolved sends what: all links together, one link, or a delegate of its own. */
export type Scope = {
  /** `the global settings`, `link mesos0`, `delegate mesos`. */
  readonly where: string;
  readonly isGlobal: boolean;
  /** `127.0.0.1:5354`; of DoH and DoT servers too, without what follows the `#`. */
  readonly servers: readonly string[];
  /** Without their final dot; `~` is kept. */
  readonly domains: readonly string[];
  readonly dnssec: string | undefined;
  readonly isDefaultRoute: boolean;
};

/** Files with zones that are not signed. */
export const ANCHORS = '/etc/dnssec-trust-anchors.d';
const DELEGATES = '/etc/systemd/dns-delegate.d';

/** Asks resolvectl and reads the files. */
export async function readResolver(device: Device, signal: AbortSignal): Promise<ResolverFacts> {
  const anchors = (await device.list(ANCHORS)).filter((name) => name.endsWith('.negative'));
  const unsigned: string[] = [];
  for (const name of anchors)
    unsigned.push(...linesOf(await device.read(`${ANCHORS}/${name}`)).map((line) => bare(line)));
  const hosts = linesOf(await device.read('/etc/nsswitch.conf')).find((line) => line.startsWith('hosts:'));
  const nameservers = linesOf(await device.read('/etc/resolv.conf')).flatMap(
    (line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? [],
  );
  return {
    resolved: await readResolved(device, signal),
    unsigned,
    hosts: hosts
      ?.slice('hosts:'.length)
      .replaceAll(/\[[^[\]]*\]/g, ' ')
      .trim()
      .split(/\s+/),
    nameservers,
  };
}

async function readResolved(device: Device, signal: AbortSignal): Promise<ResolverFacts['resolved']> {
  const version = await device.run('resolvectl', ['--version'], signal);
  if (!version) return { kind: 'absent' };
  const said = new Map<string, string>();
  for (const what of ['dns', 'domain', 'dnssec', 'default-route']) {
    const ran = await device.run('resolvectl', [what], signal);
    // Old versions lack some of these.
    if (ran?.code === 0) said.set(what, ran.stdout);
    else if (what === 'dns') return { kind: 'down' };
  }
  const delegates: Scope[] = [];
  for (const name of (await device.list(DELEGATES)).filter((file) => file.endsWith('.dns-delegate')))
    delegates.push(parseDelegate(name, (await device.read(`${DELEGATES}/${name}`)) ?? ''));
  return {
    kind: 'running',
    version: Number(/^systemd (\d+)/.exec(version.stdout)?.[1]) || undefined,
    scopes: [...parseScopes(said), ...delegates],
  };
}

/** `Global: …` and `Link 3 (mesos0): …`, by what was asked for. */
function parseScopes(said: ReadonlyMap<string, string>): Scope[] {
  const byWhere = new Map<string, Map<string, string[]>>();
  for (const [what, output] of said) {
    let current: string[] = [];
    for (const line of output.split('\n')) {
      const [, head, link, delegate, rest = ''] =
        /^(Global|Link \d+ \((.+?)\)|Delegate (\S+)):(.*)$/.exec(line) ?? [];
      // Long lists go on in further lines, indented.
      if (head === undefined) {
        if (line.startsWith(' ')) current.push(...wordsOf(line));
        continue;
      }
      const where =
        link !== undefined ? `link ${link}` : delegate !== undefined ? `delegate ${delegate}` : GLOBAL;
      const values = byWhere.get(where) ?? new Map<string, string[]>();
      current = wordsOf(rest);
      byWhere.set(where, values.set(what, current));
    }
  }
  return [...byWhere].map(([where, values]) => ({
    where,
    isGlobal: where === GLOBAL,
    servers: withoutNames(values.get('dns') ?? []),
    domains: (values.get('domain') ?? []).map((domain) => bare(domain)),
    dnssec: values.get('dnssec')?.[0],
    isDefaultRoute: values.get('default-route')?.[0] === 'yes',
  }));
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

const GLOBAL = 'the global settings';

/** A file of systemd.dns-delegate(5). */
function parseDelegate(name: string, text: string): Scope {
  const values = (key: string): string[] =>
    linesOf(text).flatMap((line) =>
      line.startsWith(`${key}=`)
        ? line
            .slice(key.length + 1)
            .trim()
            .split(/\s+/)
        : [],
    );
  return {
    where: `delegate ${name.replace(/\.dns-delegate$/, '')}`,
    isGlobal: false,
    servers: withoutNames(values('DNS')),
    domains: values('Domains').map((domain) => `~${bare(domain).replace(/^~/, '')}`),
    dnssec: undefined,
    isDefaultRoute: /^(?:yes|true|1|on)$/i.test(values('DefaultRoute')[0] ?? ''),
  };
}

/** Each server once, without its name for TLS or its URL, in which a token may stand. */
function withoutNames(servers: readonly string[]): string[] {
  return [...new Set(servers.map((server) => server.replace(/#.*$/, '')))];
}

function bare(domain: string): string {
  return domain.toLowerCase().replace(/(?<=[^~])\.$/, '');
}

function linesOf(text = ''): string[] {
  return text.split('\n').flatMap((line) => {
    const trimmed = line.trim();
    return trimmed === '' || /^[#;]/.test(trimmed) ? [] : [trimmed];
  });
}

/** The scopes that a zone's names are sent to: those with its nearest domain. */
export function scopesFor(scopes: readonly Scope[], zone: string): readonly Scope[] {
  const nearest = (scope: Scope): number =>
    Math.max(
      -1,
      ...scope.domains
        .map((domain) => domain.replace(/^~/, ''))
        .filter((domain) => domain === zone || (domain !== '.' && zone.endsWith(`.${domain}`)))
        .map((domain) => domain.length),
    );
  const best = Math.max(-1, ...scopes.map((scope) => nearest(scope)));
  return best < 0 ? [] : scopes.filter((scope) => nearest(scope) === best);
}

/** A server of resolved's or resolv.conf's spelling. */
export function readServer(text: string): PlainServer | undefined {
  const [, six, four, port = '53'] = /^(?:\[(.+)\]|([^:%]+))(?::(\d+))?(?:%\S+)?$/.exec(text) ?? [];
  const address = six ?? four ?? (text.includes(':') ? text : undefined);
  return address === undefined ? undefined : { address, port: Number(port) };
}

export function isLoopbackServer({ address }: PlainServer): boolean {
  // Its own listeners are no way to anybody.
  return (address.startsWith('127.') && !/^127\.0\.0\.5[34]$/.test(address)) || address === '::1';
}

/** Is a name of the world sent to the stub, by systemd-resolved or by resolv.conf? */
export function asksStubForAll({ resolved, nameservers }: ResolverFacts, stub: PlainServer): boolean {
  const isStub = (text: string): boolean => {
    const server = readServer(text);
    return server !== undefined && server.address === stub.address && server.port === stub.port;
  };
  if (nameservers.some((server) => isStub(server))) return true;
  if (resolved.kind !== 'running') return false;
  const asking = resolved.scopes.filter(({ servers }) => servers.some((server) => isStub(server)));
  // resolvectl shows a link's loopback servers among the global ones too.
  const isOfLink = asking.some(({ isGlobal }) => !isGlobal);
  return asking.some(
    ({ domains, isDefaultRoute, isGlobal }) =>
      (isGlobal && !isOfLink) || isDefaultRoute || domains.includes('~.'),
  );
}
