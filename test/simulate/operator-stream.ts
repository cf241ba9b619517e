import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { onTestFinished } from 'vitest';

/* A reader of the operator API that shares no code with the agent's. */

// Tests look into replies as deep as they go; a wrong path is undefined, and fails them.
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

type CallOptions = {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly tls?: Pick<RequestOptions, 'ca' | 'cert' | 'key'>;
};

const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json' };

/** The beginning of a response to a call, whatever it is; the test's end closes it. */
export function open(url: string, body: string, options: CallOptions = {}): Promise<IncomingMessage> {
  const { method = 'POST', headers = JSON_HEADERS, tls } = options;
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https') ? httpsRequest : httpRequest)(
      url,
      { method, headers, agent: false, ...tls },
      resolve,
    );
    onTestFinished(() => void request.destroy());
    request.on('error', reject);
    request.end(body);
  });
}

type Answer = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
};

export async function call(url: string, body: string, options?: CallOptions): Promise<Answer> {
  const response = await open(`${url}/api/v1`, body, options);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const { statusCode: status = 0, headers } = response;
  return { status, headers, body: Buffer.concat(chunks).toString() };
}

/** What a call such as GET_TASKS says. */
export async function get(url: string, type: string, options?: CallOptions): Promise<Json> {
  return JSON.parse((await call(url, JSON.stringify({ type }), options)).body)[type.toLowerCase()];
}

/** A stream, its records in order; `rest` is what is no whole record. */
export type Stream = {
  readonly response: IncomingMessage;
  readonly records: Json[];
  readonly rest: () => string;
  /** Resolves when so many records are there. */
  readonly upTo: (count: number) => Promise<void>;
  /** Resolves with how the stream came to its end. */
  readonly ended: Promise<'ended' | 'broken'>;
};

export async function subscribe(url: string, options?: CallOptions): Promise<Stream> {
  const response = await open(`${url}/api/v1`, '{"type":"SUBSCRIBE"}', options);
  const records: Json[] = [];
  let rest = Buffer.alloc(0);
  let wake = (): void => undefined;
  response.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const end = rest.indexOf('\n');
      if (end < 0) break;
      const digits = rest.subarray(0, end).toString();
      if (!/^\d+$/.test(digits)) throw new Error(`no length of a record: ${digits.slice(0, 40)}`);
      const last = end + 1 + Number(digits);
      if (rest.length < last) break;
      records.push(JSON.parse(rest.subarray(end + 1, last).toString()));
      rest = rest.subarray(last);
    }
    wake();
  });
  const ended = new Promise<'ended' | 'broken'>((resolve) => {
    response.on('error', () => undefined);
    response.on('close', () => resolve(response.complete ? 'ended' : 'broken'));
  });
  const upTo = async (count: number): Promise<void> => {
    while (records.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { response, records, rest: () => rest.toString(), upTo, ended };
}

const TERMINAL = /^TASK_(FINISHED|FAILED|KILLED|LOST|ERROR|DROPPED|GONE|GONE_BY_OPERATOR|UNREACHABLE)$/;

/** What a follower of the stream knows: the snapshot, and each event applied to it. */
export function follow(records: readonly Json[]) {
  const tasks = new Map<string, Json>();
  const agents = new Map<string, Json>();
  const frameworks = new Map<string, Json>();
  const types: string[] = [];
  for (const { type, ...body } of records) {
    types.push(type);
    switch (type) {
      case 'SUBSCRIBED': {
        const { get_tasks, get_agents, get_frameworks } = body.subscribed.get_state;
        for (const task of get_tasks.tasks ?? []) tasks.set(task.task_id.value, task);
        for (const agent of get_agents.agents ?? []) agents.set(agent.agent_info.id.value, agent);
        for (const each of get_frameworks.frameworks ?? [])
          frameworks.set(each.framework_info.id.value, each);
        break;
      }
      case 'HEARTBEAT':
        break;
      case 'TASK_ADDED': {
        const { task } = body.task_added;
        if (tasks.has(task.task_id.value)) throw new Error(`${task.task_id.value} was added twice`);
        tasks.set(task.task_id.value, task);
        break;
      }
      case 'TASK_UPDATED': {
        const { status, state, framework_id } = body.task_updated;
        const id = status.task_id.value;
        const task = tasks.get(id);
        if (!task) throw new Error(`${id} was updated and is not known`);
        if (task.framework_id.value !== framework_id.value) throw new Error(`${id} is of another framework`);
        const before = task.statuses ?? [];
        const kept = before.at(-1)?.state === status.state ? before.slice(0, -1) : before;
        const { state: status_update_state, uuid: status_update_uuid } = status;
        const statuses = [...kept, status];
        if (TERMINAL.test(state)) tasks.delete(id);
        else tasks.set(id, { ...task, state, statuses, status_update_state, status_update_uuid });
        break;
      }
      case 'AGENT_ADDED': {
        const { agent } = body.agent_added;
        agents.set(agent.agent_info.id.value, agent);
        break;
      }
      case 'AGENT_REMOVED':
        agents.delete(body.agent_removed.agent_id.value);
        break;
      case 'FRAMEWORK_ADDED':
        frameworks.set(
          body.framework_added.framework.framework_info.id.value,
          body.framework_added.framework,
        );
        break;
      case 'FRAMEWORK_UPDATED': {
        const { framework } = body.framework_updated;
        frameworks.set(framework.framework_info.id.value, framework);
        break;
      }
      case 'FRAMEWORK_REMOVED':
        frameworks.delete(body.framework_removed.framework_info.id.value);
        break;
      default:
        throw new Error(`an event of type ${type}`);
    }
  }
  return { tasks, agents, frameworks, types };
}

/** A GET_STATE in the form of `follow`. */
export function tablesOf(get_state: Json) {
  return follow([{ type: 'SUBSCRIBED', subscribed: { get_state } }]);
}
