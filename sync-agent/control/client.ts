import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import * as v from 'valibot';
import { controlSocketPath } from './socket-path.ts';

/** What is asked of a running agent, or ordered; the answer is for people. */
export type Question = { readonly path: '/status' | '/held' };
/** Orders that answer with the serial that is published then, and more. */
export type Order =
  | { readonly path: '/sync' | '/release' | '/force' | '/unpin' }
  | { readonly path: '/rollback'; readonly body: { readonly serial: number } };

/** The agent refused an order, failed at it, or did not answer. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
}

/** An order may wait for a read of the cluster and a push. */
const ANSWER_LIMIT_MS = 600_000;
/** A question waits for nothing. */
const QUESTION_LIMIT_MS = 5_000;
const MAX_ANSWER_CHARACTERS = 16 * 1024 * 1024;

const doneSchema = v.looseObject({ serial: v.number() });
const refusalSchema = v.object({ error: v.string() });

/**
 * Asks the agent that runs with a data directory. Undefined where none runs. Throws `ControlError` with the
 * agent's own words where it refuses, `ConfigError` for a directory that can't have one.
 */
export async function askAgent(dataDir: string, question: Question, signal: AbortSignal): Promise<unknown>;
export async function askAgent(
  dataDir: string,
  order: Order,
  signal: AbortSignal,
): Promise<v.InferOutput<typeof doneSchema> | undefined>;
export async function askAgent(
  dataDir: string,
  asked: Question | Order,
  signal: AbortSignal,
): Promise<unknown> {
  const reply = await send(controlSocketPath(dataDir), {
    method: asked.path === '/status' || asked.path === '/held' ? 'GET' : 'POST',
    path: asked.path,
    body: 'body' in asked ? JSON.stringify(asked.body) : '',
    signal,
  });
  if (!reply) return undefined;
  if (reply.status !== 200) {
    const refusal = v.safeParse(refusalSchema, reply.json);
    throw new ControlError(
      refusal.success ? refusal.output.error : `the agent answered ${asked.path} with HTTP ${reply.status}`,
    );
  }
  if (asked.path !== '/unpin' && asked.path !== '/rollback') return reply.json;
  const done = v.safeParse(doneSchema, reply.json);
  if (done.success) return done.output;
  throw new ControlError(`the agent's answer to ${asked.path} makes no sense: is it another version?`);
}

type Sent = {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly signal: AbortSignal;
};

/** Undefined where nobody listens. */
async function send(
  socketPath: string,
  { method, path, body, signal }: Sent,
): Promise<{ readonly status: number; readonly json: unknown } | undefined> {
  const limit = AbortSignal.any([
    signal,
    AbortSignal.timeout(method === 'GET' ? QUESTION_LIMIT_MS : ANSWER_LIMIT_MS),
  ]);
  try {
    return await new Promise((resolve, reject) => {
      const request = httpRequest({ socketPath, method, path, signal: limit, agent: false }, (response) => {
        text(response).then((said) => {
          resolve({ status: response.statusCode ?? 0, json: parse(said) });
        }, reject);
      });
      request.once('error', reject);
      request.end(body);
    });
  } catch (cause) {
    signal.throwIfAborted();
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    const reason =
      code === 'EACCES'
        ? 'it belongs to another user'
        : limit.aborted
          ? 'no answer in time'
          : code || String(cause);
    throw new ControlError(`the agent's control socket ${socketPath}: ${reason}`, { cause });
  }
}

function parse(said: string): unknown {
  try {
    const json: unknown = JSON.parse(said.slice(0, MAX_ANSWER_CHARACTERS));
    return json;
  } catch {
    return undefined;
  }
}
