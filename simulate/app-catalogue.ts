import { environmentName, serviceName, teamName, TEAMS } from './app-names.ts';
import type { AppPort, SimulatedApp } from './cluster-snapshot.ts';
import type { Random } from './random.ts';

/** How many instances of `search` there are at least, in any cluster that is large enough. */
export const SEARCH_INSTANCES = 3;
/** Longer than a label of the DNS may be. */
const LONG_SUFFIX = '-with-a-name-which-is-longer-than-one-label-of-the-domain-name-system';

/** An app that no framework runs yet. */
export type AppSketch = Omit<SimulatedApp, 'framework'>;
/** What an app is apart from its names. */
type AppBody = Omit<AppSketch, 'id' | 'name'>;

/** A small app on the host's network, without ports. */
export const PLAIN_APP: AppBody = {
  network: 'host',
  dualStack: false,
  ports: [],
  discovery: undefined,
  labels: [],
  healthCheckPath: undefined,
  image: undefined,
  single: false,
  cpus: 0.1,
  memMiB: 128,
  diskMiB: 0,
};

const SEARCH: AppSketch = {
  ...PLAIN_APP,
  id: '/search',
  name: 'search',
  ports: [{ name: undefined, protocol: 'tcp', containerPort: 8080 }],
  healthCheckPath: '/health',
  labels: [{ key: 'team', value: 'search' }],
  cpus: 0.5,
  memMiB: 512,
};

/** Is it the app that every cluster has, whose name can always be asked? */
export function isSearch(app: SimulatedApp): boolean {
  return app.framework.name === 'marathon' && app.id === SEARCH.id;
}

/** The apps of the first Marathon: `search`, then all kinds of network, port and discovery. */
export function marathonApp(index: number, random: Random): AppSketch {
  if (index === 0) return SEARCH;
  const name = `${serviceName(index)}${index % 40 === 39 ? LONG_SUFFIX : ''}`;
  const body = marathonBody(index, random);
  const visibility = random.pick(['FRAMEWORK', 'FRAMEWORK', 'CLUSTER', 'EXTERNAL'] as const);
  const isDiscovered = body.network === 'container' || random.chance(0.2);
  const discovery = { name: index % 9 === 4 ? undefined : name, visibility, labels: [] };
  return { ...body, id: `/${name}`, name, discovery: isDiscovered ? discovery : undefined };
}

/** Marathon's groups turn round in names: the app `/prod/web` has tasks `web.prod`. */
export function groupedApp(index: number, random: Random): AppSketch {
  const environment = environmentName(index);
  const groups = index % 4 === 3 ? [environment, 'shop'] : [environment];
  const path = [...groups, index === 0 ? 'web' : serviceName(index)];
  const name = path.toReversed().join('.');
  const discovery = { name, visibility: 'FRAMEWORK', labels: [] } as const;
  const isDiscovered = index % 2 === 0;
  return {
    ...marathonBody(index, random),
    id: `/${path.join('/')}`,
    name,
    discovery: isDiscovered ? discovery : undefined,
  };
}

/** What Marathon's apps differ in: network, ports, image, health check. */
function marathonBody(index: number, random: Random): AppBody {
  const network = index % 5 === 2 ? 'bridge' : index % 5 === 4 ? 'container' : 'host';
  return {
    ...PLAIN_APP,
    network,
    dualStack: index % 10 === 4,
    ports: index % 6 === 5 ? [] : somePorts(random),
    image:
      network === 'bridge' || random.chance(0.2)
        ? `registry.sim/app-${index}:1.${random.int(0, 40)}`
        : undefined,
    labels: random.chance(0.5) ? [{ key: 'team', value: random.pick(TEAMS) }] : [],
    healthCheckPath: index % 3 === 0 ? '/health' : undefined,
    cpus: random.pick([0.1, 0.25, 0.5, 1]),
    memMiB: random.pick([64, 128, 512, 1024]),
  };
}

/** One to three ports, one mostly. */
function somePorts(random: Random): readonly AppPort[] {
  const count = random.pick([1, 1, 1, 1, 1, 2, 2, 3]);
  const isNamed = random.chance(0.5);
  return ['http', 'admin', 'metrics'].slice(0, count).map((name, index) => ({
    name: isNamed ? name : undefined,
    protocol: random.chance(0.04) ? undefined : random.pick(['tcp', 'tcp', 'tcp', 'tcp', 'udp']),
    containerPort: index === 0 ? random.pick([80, 8080, 9000, 3000, 5432]) : 10_000 + index,
  }));
}

/** As Aurora's `MesosTaskFactory` writes them: task `role/env/job`, DiscoveryInfo `job.env.role`. */
export function auroraJob(index: number, random: Random): AppSketch {
  const role = teamName(index);
  const environment = environmentName(index);
  const service = serviceName(index);
  const job = index === 0 ? 'hello' : index % 5 === 2 ? service.replaceAll('-', '_') : service;
  const id = `${role}/${environment}/${job}`;
  const tier = random.pick(['preferred', 'preemptible']);
  const ports = ['http', 'admin'].slice(0, random.pick([1, 1, 2]));
  return {
    ...PLAIN_APP,
    id,
    name: id,
    ports: ports.map((name) => ({ name, protocol: 'TCP', containerPort: 0 })),
    labels: [{ key: 'org.apache.aurora.tier', value: tier }],
    discovery: {
      name: `${job}.${environment}.${role}`,
      visibility: 'CLUSTER',
      environment,
      location: 'sim',
      labels: [],
    },
  };
}

/** Some of them with names that need mangling before they can be in the DNS. */
export function chronosJob(index: number): AppSketch {
  const job = index % 5 === 4 ? `Nightly Report ${index}` : `${serviceName(index)}-job`;
  return { ...PLAIN_APP, id: job.replaceAll(' ', '_'), name: `ChronosTask:${job}`, single: true };
}

/** With the label that gave DC/OS its virtual addresses, which means nothing to mesos-dns. */
export function kafkaBroker(index: number): AppSketch {
  const name = `broker-${index}`;
  const virtualAddress = { key: 'VIP_0', value: 'broker:9092' };
  return {
    ...podTask(name, [{ name: 'broker', protocol: 'tcp', containerPort: 9092 }]),
    discovery: { name, visibility: 'EXTERNAL', labels: [virtualAddress] },
  };
}

/** Two ports with names of their own. */
export function cassandraNode(index: number): AppSketch {
  const ports = ['native-client', 'jmx'].map((name) => ({ name, protocol: 'tcp', containerPort: 9042 }));
  return podTask(`node-${index}-server`, ports);
}

/** Two name nodes, the rest data nodes. */
export function hdfsNode(index: number): AppSketch {
  const name = index < 2 ? `name-${index}-node` : `data-${index - 2}-node`;
  return podTask(name, [{ name: 'rpc', protocol: 'tcp', containerPort: 9001 }]);
}

/** A task of a stateful framework built on dcos-commons: one of a kind, by name. */
function podTask(name: string, ports: readonly AppPort[]): AppSketch {
  return {
    ...PLAIN_APP,
    id: name,
    name,
    single: true,
    ports,
    discovery: { name, visibility: 'CLUSTER', labels: [] },
    cpus: 1,
    memMiB: 4_096,
    diskMiB: 10_240,
  };
}

/** A build agent: no ports, no discovery, a space in its task's name. */
export function jenkinsBuild(index: number): AppSketch {
  return { ...PLAIN_APP, id: `mesos-jenkins-${index}`, name: `task mesos-jenkins-${index}`, single: true };
}

/** Their tasks are named after the minute in which they ran. */
export function metronomeRun(index: number): AppSketch {
  const job = `report-${index}.${environmentName(index)}`;
  const minute = String(index % 60).padStart(2, '0');
  return { ...PLAIN_APP, id: job, name: `2025060112${minute}.${job}`, single: true };
}
