import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';

/**
 * Consul's HTTP API on loopback, as far as a catalogue is read from it: indexes a datacentre, blocking queries,
 * ACLs, trouble to order. What it holds is written in Consul's own JSON.
 */
export type FakeConsul = {
  readonly url: string;
  /** Registers a service's instance, or replaces it; `service: undefined` registers its node alone. */
  readonly register: (registration: Registration) => void;
  readonly deregister: (id: string, dc?: string) => void;
  readonly setHealth: (id: string, status: string, dc?: string) => void;
  /** Of a node's own check, which counts for all that it runs. */
  readonly setNodeHealth: (node: string, status: string, dc?: string) => void;
  /** What a check prints changes, and nothing else: the index rises all the same. */
  readonly chatter: (dc?: string) => void;
  /** As after a restored snapshot: indexes begin again. */
  readonly resetIndex: (to: number, dc?: string) => void;
  /** Takes the place of an answer's body, by path. */
  readonly answers: Map<string, string>;
  /** Met by requests from now on; undefined: they are served. */
  fault: Fault | undefined;
  /** Wanted with each request; undefined: none is. */
  token: string | undefined;
  /** No `X-Consul-Index` from now on. */
  withoutIndex: boolean;
  lastContactMs: number;
  readonly requests: Asked[];
  /** Requests that wait now. */
  readonly waiting: () => number;
  /** The most that were under way together, waiting ones aside. */
  readonly mostAtOnce: () => number;
  readonly close: () => Promise<void>;
};

export type Registration = {
  readonly dc?: string;
  readonly node: string;
  readonly address?: string;
  readonly nodeTagged?: Record<string, string>;
  readonly meta?: Record<string, string>;
  readonly service?: Record<string, unknown> & { readonly ID: string; readonly Service: string };
  readonly status?: string;
};

type Fault =
  { readonly status: number; readonly body?: string; readonly retryAfter?: string } | 'hang' | 'reset';
type Asked = { readonly path: string; readonly query: URLSearchParams; readonly token: string | undefined };
type Node = { Address: string; TaggedAddresses?: object; Meta?: object; status: string };
type Instance = { node: string; service: Record<string, unknown>; status: string };
/** Registrations and health have indexes of their own, of one counter; what is registered changes both. */
type Part = 'catalog' | 'health';
type Datacenter = {
  counter: number;
  readonly index: Record<Part, number>;
  outputs: number;
  readonly nodes: Map<string, Node>;
  readonly instances: Map<string, Instance>;
  readonly waiters: Record<Part, Set<() => void>>;
};

const BOTH: readonly Part[] = ['catalog', 'health'];
const MOST_REQUESTS = 20_000;

export async function startFakeConsul(
  options: {
    readonly tls?: ServerOptions;
    readonly datacenters?: readonly string[];
    readonly delayMs?: number;
  } = {},
): Promise<FakeConsul> {
  const names = options.datacenters ?? ['dc1'];
  const datacenters = new Map(names.map((name) => [name, emptyDatacenter()]));
  let underWay = 0;
  let mostUnderWay = 0;
  const of = (name = names[0] ?? ''): Datacenter => {
    const found = datacenters.get(name);
    if (!found) throw new Error(`no such datacentre: ${name}`);
    return found;
  };
  const wake = ({ waiters }: Datacenter, parts: readonly Part[]): void => {
    for (const part of parts) for (const each of [...waiters[part]]) each();
  };
  const change = (datacenter: Datacenter, parts: readonly Part[], act: () => void): void => {
    act();
    datacenter.counter++;
    for (const part of parts) datacenter.index[part] = datacenter.counter;
    wake(datacenter, parts);
  };

  const fake = {
    answers: new Map<string, string>(),
    fault: undefined as Fault | undefined,
    token: undefined as string | undefined,
    withoutIndex: false,
    lastContactMs: 0,
    requests: [] as Asked[],
    register: ({
      dc,
      node,
      address = '10.0.0.1',
      nodeTagged,
      meta,
      service,
      status = 'passing',
    }: Registration) => {
      const datacenter = of(dc);
      change(datacenter, BOTH, () => {
        const known = datacenter.nodes.get(node);
        datacenter.nodes.set(node, {
          Address: address,
          ...(nodeTagged && { TaggedAddresses: nodeTagged }),
          ...(meta && { Meta: meta }),
          status: known?.status ?? 'passing',
        });
        if (service) datacenter.instances.set(service.ID, { node, service, status });
      });
    },
    deregister: (id: string, dc?: string) => change(of(dc), BOTH, () => of(dc).instances.delete(id)),
    setHealth: (id: string, status: string, dc?: string) =>
      change(of(dc), ['health'], () => {
        const instance = of(dc).instances.get(id);
        if (instance) instance.status = status;
      }),
    setNodeHealth: (name: string, status: string, dc?: string) =>
      change(of(dc), ['health'], () => {
        const node = of(dc).nodes.get(name);
        if (node) node.status = status;
      }),
    chatter: (dc?: string) => change(of(dc), ['health'], () => of(dc).outputs++),
    resetIndex: (to: number, dc?: string) => {
      const datacenter = of(dc);
      datacenter.counter = to;
      for (const part of BOTH) datacenter.index[part] = to;
      wake(datacenter, BOTH);
    },
    waiting: () =>
      [...datacenters.values()].reduce(
        (sum, { waiters }) => sum + waiters.catalog.size + waiters.health.size,
        0,
      ),
    mostAtOnce: () => mostUnderWay,
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://fake');
    const header = request.headers['x-consul-token'];
    const token = typeof header === 'string' ? header : undefined;
    if (fake.requests.length < MOST_REQUESTS)
      fake.requests.push({ path: url.pathname, query: url.searchParams, token });
    const refuse = (status: number, body: string, headers: Record<string, string> = {}): void =>
      void response.writeHead(status, headers).end(body);
    const { fault } = fake;
    if (fault === 'hang') return;
    if (fault === 'reset') return void request.socket.destroy();
    if (fault) {
      const headers: Record<string, string> =
        fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
      return refuse(fault.status, fault.body ?? 'rpc error: no cluster leader', headers);
    }
    if (fake.token !== undefined && token !== fake.token)
      return refuse(403, 'Permission denied: token with AccessorID anonymous lacks permission');
    const datacenter = datacenters.get(url.searchParams.get('dc') ?? names[0] ?? '');
    if (!datacenter) return refuse(500, 'No path to datacenter');
    const index = Number(url.searchParams.get('index') ?? 0);
    const part: Part = url.pathname.startsWith('/v1/catalog/') ? 'catalog' : 'health';
    if (index > 0 && index >= datacenter.index[part])
      await newer(datacenter.waiters[part], url.searchParams.get('wait'), response);
    if (response.destroyed) return;
    if (options.delayMs !== undefined) {
      mostUnderWay = Math.max(mostUnderWay, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, options.delayMs));
      underWay--;
    }
    const name = url.searchParams.get('dc') ?? names[0] ?? '';
    const body = fake.answers.get(url.pathname) ?? bodyOf(url.pathname, datacenter, name);
    if (body === undefined) return refuse(404, 'not served');
    response.writeHead(200, {
      'content-type': 'application/json',
      'x-consul-lastcontact': String(fake.lastContactMs),
      'x-consul-knownleader': 'true',
      ...(!fake.withoutIndex && { 'x-consul-index': String(datacenter.index[part]) }),
    });
    response.end(body);
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void =>
    void answer(request, response);
  const server: Server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return Object.assign(fake, {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

function emptyDatacenter(): Datacenter {
  return {
    ...{ counter: 10, outputs: 0, nodes: new Map(), instances: new Map() },
    index: { catalog: 10, health: 10 },
    waiters: { catalog: new Set(), health: new Set() },
  };
}

/** Until something is newer, the wait is over, or the client is gone. */
async function newer(waiters: Set<() => void>, wait: string | null, response: ServerResponse): Promise<void> {
  const ms = Number(/^(\d+)s$/.exec(wait ?? '300s')?.[1] ?? 300) * 1000;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      waiters.delete(done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    waiters.add(done);
    response.once('close', done);
  });
}

function bodyOf(path: string, datacenter: Datacenter, dc: string): string | undefined {
  const { nodes, instances } = datacenter;
  if (path === '/v1/catalog/services') {
    const tags: Record<string, string[]> = {};
    for (const { service } of instances.values()) {
      const known = (tags[String(service['Service'])] ??= []);
      if (Array.isArray(service['Tags']))
        for (const tag of service['Tags']) if (!known.includes(tag)) known.push(tag);
    }
    return JSON.stringify(tags);
  }
  if (path === '/v1/catalog/nodes') {
    const all = Array.from(nodes, ([Node, node]) => ({ Node, Datacenter: dc, ...node, status: undefined }));
    return JSON.stringify(all);
  }
  const checksOf = ({ node, service, status }: Instance): object[] => [
    { Node: node, CheckID: 'serfHealth', ServiceID: '', ServiceName: '', Status: nodes.get(node)?.status },
    {
      Node: node,
      CheckID: `service:${String(service['ID'])}`,
      ServiceID: service['ID'],
      ServiceName: service['Service'],
      Status: status,
      Output: `said ${datacenter.outputs}`,
    },
  ];
  if (path === '/v1/health/state/any') {
    const ofNodes = Array.from(nodes, ([Node, { status }]) => ({
      ...{ Node, CheckID: 'serfHealth', ServiceID: '', ServiceName: '', Status: status },
    }));
    const ofServices = [...instances.values()].map((instance) => checksOf(instance)[1]);
    return JSON.stringify([...ofNodes, ...ofServices]);
  }
  const [, asked] = /^\/v1\/health\/service\/(.+)$/.exec(path) ?? [];
  if (asked === undefined) return undefined;
  const name = decodeURIComponent(asked).toLowerCase();
  const found = [...instances.values()].filter(
    ({ service }) => String(service['Service']).toLowerCase() === name,
  );
  return JSON.stringify(
    found.map((instance) => {
      const { status: _, ...node } = nodes.get(instance.node) ?? { status: '' };
      return {
        Node: { Node: instance.node, Datacenter: dc, ...node },
        Service: instance.service,
        Checks: checksOf(instance),
      };
    }),
  );
}
