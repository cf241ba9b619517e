import { expect, it } from 'vitest';
import { compareStates } from '../../../sync-agent/sources/compare-states.ts';
import { agentAt, frameworkWith, stateWith, statusWith, taskWith } from '../states.ts';

const task = taskWith({ id: 't1', running: [statusWith({ netinfo: ['10.0.0.1'] })] });
const state = (...tasks: readonly ReturnType<typeof taskWith>[]) =>
  stateWith({ agents: [agentAt('S0', '10.1.0.1:5051')], frameworks: [frameworkWith({ name: 'f', tasks })] });
const SAME = { agents: 0, frameworks: 0, tasks: 0 };

it.each([
  ['the same facts in other objects', structuredClone(state(task)), SAME],
  ['another time', state({ ...task, running: [statusWith({ timestamp: 9, netinfo: ['10.0.0.1'] })] }), SAME],
  ['older statuses', state({ ...task, running: [statusWith({ timestamp: 0 }), ...task.running] }), SAME],
  ['a task that ended', state(task, taskWith({ id: 't2', state: 'TASK_FAILED' })), SAME],
  ['a task that is unreachable', state(task, taskWith({ id: 't2', state: 'TASK_UNREACHABLE' })), SAME],
  [
    'another address',
    state({ ...task, running: [statusWith({ netinfo: ['10.0.0.2'] })] }),
    { ...SAME, tasks: 1 },
  ],
  [
    'another health',
    state({ ...task, running: [statusWith({ netinfo: ['10.0.0.1'], healthy: false })] }),
    { ...SAME, tasks: 1 },
  ],
  ['another state', state({ ...task, state: 'TASK_KILLING' }), { ...SAME, tasks: 1 }],
  ['a task more and one less', state(taskWith({ id: 't3' })), { ...SAME, tasks: 2 }],
  ['no agent', { ...state(task), agents: [] }, { ...SAME, agents: 1 }],
  [
    'an agent elsewhere',
    { ...state(task), agents: [agentAt('S0', '10.1.0.2:5051')] },
    { ...SAME, agents: 1 },
  ],
  [
    'an agent that drains',
    { ...state(task), agents: [{ ...agentAt('S0', '10.1.0.1:5051'), standing: 'draining' as const }] },
    { ...SAME, agents: 1 },
  ],
  ['no framework', { ...state(), frameworks: [] }, { ...SAME, frameworks: 1, tasks: 1 }],
  [
    'a framework elsewhere',
    {
      ...state(task),
      frameworks: [{ ...frameworkWith({ name: 'f', tasks: [task] }), endpoint: { host: 'h', port: '' } }],
    },
    { ...SAME, frameworks: 1 },
  ],
])('%s', (_, other, expected) => {
  expect(compareStates(state(task), other)).toEqual(expected);
  expect(compareStates(other, state(task))).toEqual(expected);
});
