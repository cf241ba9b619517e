import type { Endpoint, ReportSkipped } from '../cluster.ts';
import type { FrameworkEndpoints } from './cluster-tables.ts';
import { createJsonCutter } from './json-cutter.ts';
import { readFramework } from './mesos-v0.ts';
import { type CallLimits, OperatorError } from './operator-api.ts';

/** `/state-summary` has what the operator API lacks: the pids of schedulers that have one. */
const PATH = '/master/state-summary';

/**
 * Where schedulers listen, by framework id, as the leader's `/state-summary` says: counts instead of tasks, so
 * it is a small part of a `/state`. Throws `HttpError`, or `FormatError` for what is no JSON.
 */
export async function askSchedulerEndpoints(
  leader: URL,
  { http, ...limits }: CallLimits,
  report: ReportSkipped,
): Promise<FrameworkEndpoints> {
  const url = new URL(PATH, leader).href;
  const response = await http.request({ url, headers: { accept: 'application/json' }, ...limits });
  if (response.status === 307) {
    await response.discard();
    throw new OperatorError('failed', `${leader.origin} leads no longer`);
  }
  if (response.status !== 200) throw await response.refusal();
  const endpoints = new Map<string, Endpoint | undefined>();
  const cutter = createJsonCutter(
    ([part]) => (part === 'frameworks' ? 'each' : part === 'slaves' ? 'skip' : undefined),
    (_, element) => {
      const framework = readFramework(element, report);
      if (framework) endpoints.set(framework.id, framework.endpoint);
    },
  );
  for await (const chunk of response.chunks()) cutter.write(chunk);
  cutter.end();
  return endpoints;
}
