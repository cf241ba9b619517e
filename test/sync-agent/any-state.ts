import fc from 'fast-check';
import type { ClusterState, Labels, MesosFramework, MesosTask } from '../../sync-agent/cluster.ts';
import { endpoints, stateWith, statusWith } from './states.ts';

/** Small states in which names collide, with each agent known once. */
export function anyState(): fc.Arbitrary<ClusterState> {
  const place = fc.constantFrom(
    '10.0.0.1:1',
    '10.0.0.2:2',
    '[2001:db8::1]:3',
    'h1.example:4',
    'gone.example:5',
    ':6',
  );
  const endpoint = fc.option(
    place.map((text) => endpoints(text)[0]),
    { nil: undefined },
  );
  const name = fc.constantFrom(
    'web',
    'Web',
    'a.b',
    'a-b',
    'ns1',
    'x',
    '日',
    'a'.repeat(70),
    'api:80',
    'leader',
  );
  const task: fc.Arbitrary<MesosTask> = fc.record({
    id: fc.constantFrom('t1', 't2', 't3', 't4'),
    name,
    agentId: fc.constantFrom('m-S0', 'm-S1', 'm-S2', 'm-S3'),
    state: fc.constantFrom('TASK_RUNNING', 'TASK_RUNNING', 'TASK_LOST'),
    ports: fc.array(
      fc.nat(3).map((begin) => ({ begin, end: begin + 1 })),
      { maxLength: 2 },
    ),
    running: fc.array(
      fc.constantFrom('9.0.0.1', '9.0.0.2', 'fd01::1').map((address) => statusWith({ netinfo: [address] })),
      { maxLength: 1 },
    ),
    discovery: fc.option(
      fc.record({
        name,
        ports: fc.array(
          fc.record({
            number: fc.nat(3),
            name: fc.constantFrom('', 'http'),
            protocol: fc.constantFrom('', 'tcp'),
            labels: fc.constantFrom(undefined, undefined, { tags: 'blue' }, { tags: 'Red,blue' }),
          }),
          { maxLength: 2 },
        ),
      }),
      { nil: undefined },
    ),
    labels: fc.option(anyLabels(), { nil: undefined }),
    role: fc.constantFrom(undefined, undefined, 'dev'),
  });
  const framework: fc.Arbitrary<MesosFramework> = fc.record({
    id: fc.constantFrom('f1', 'f2'),
    name: fc.constantFrom('marathon', 'MARATHON', 'leader', 'slave', 'y.slave', 'y', 'master3', ''),
    endpoint,
    tasks: fc.array(task, { maxLength: 8 }),
  });
  const agents = fc
    .subarray(['m-S0', 'm-S1', 'm-S2'])
    .chain((ids) => fc.tuple(...ids.map((id) => endpoint.map((at) => ({ id, endpoint: at })))));
  return fc
    .record({ leader: endpoint, agents, frameworks: fc.array(framework, { maxLength: 6 }) })
    .map(stateWith);
}

/** Labels that rules of ours look at (docs/labels.md), with values that some of them take and some do not. */
function anyLabels(): fc.Arbitrary<Labels> {
  return fc.record(
    {
      'mesos-doh.publish': fc.constantFrom('true', 'false', 'maybe'),
      'mesos-doh.name': fc.constantFrom('web', 'Shop', '日'),
      'mesos-doh.alias': fc.constantFrom(
        'shop',
        'leader.mesos,x.y.mesos',
        'web.marathon.mesos',
        'apps.example',
      ),
      'mesos-doh.ttl': fc.constantFrom('5', '60', 'abc'),
      'mesos-doh.weight': fc.constantFrom('7', '70000'),
      'mesos-doh.priority': fc.constantFrom('0', '3'),
      'mesos-doh.health': fc.constantFrom('keep', 'leave-out', 'x'),
      overrideTaskName: fc.constantFrom('Kafka_1', 'web'),
      tags: fc.constantFrom('blue', 'blue,Green', ':'),
      ports: fc.constantFrom('0', '1,0', '7'),
      HAPROXY_GROUP: fc.constantFrom('external', 'internal'),
      HAPROXY_0_VHOST: fc.constantFrom('www.mesos', 'www.apps.example', 'www.example.com'),
      HAPROXY_0_ENABLED: fc.constantFrom('true', 'false'),
      HAPROXY_1_ENABLED: fc.constant('false'),
    },
    { requiredKeys: [] },
  );
}
