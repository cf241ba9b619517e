import fc from 'fast-check';
import type { ClusterState, MesosFramework, MesosTask } from '../../sync-agent/cluster.ts';
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
          }),
          { maxLength: 2 },
        ),
      }),
      { nil: undefined },
    ),
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
