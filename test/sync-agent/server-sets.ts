import type {
  NamedEndpoint,
  ServerSet,
  ServerSetEndpoint,
  ServerSetMember,
} from '../../sync-agent/cluster.ts';

/** `h1:31000`. */
export function endpointAt(place: string, parts: Partial<ServerSetEndpoint> = {}): ServerSetEndpoint {
  const [host = '', port = '0'] = place.split(':');
  return { host, port: Number(port), addresses: [], ...parts };
}

/** A member whose ports are all on one host: `memberAt(0, 'h1', { http: 31000 })`; the first is its primary one. */
export function memberAt(
  shard: number | undefined,
  host: string,
  ports: Readonly<Record<string, number>>,
  parts: Partial<ServerSetMember> = {},
): ServerSetMember {
  const additional = Object.entries(ports).map(([alias, port]): NamedEndpoint => ({
    alias,
    ...endpointAt(`${host}:${port}`),
  }));
  const primary = endpointAt(`${host}:${Object.values(ports)[0] ?? 0}`);
  return { name: `member_000000000${shard ?? 9}`, shard, primary, additional, ...parts };
}

/** `vagrant/test/http_example` of framework Aurora. */
export function serverSet(members: readonly ServerSetMember[], parts: Partial<ServerSet> = {}): ServerSet {
  return {
    frameworkName: 'Aurora',
    role: 'vagrant',
    environment: 'test',
    job: 'http_example',
    members,
    ...parts,
  };
}
