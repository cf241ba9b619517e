import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { Buffer } from 'node:buffer';
import { decode, type DecodedPacket } from 'dns-packet';
import { createApp } from '../../worker/app.ts';
import type { Bindings } from '../../worker/env.ts';
import { encodeQuestion, type QuestionOptions } from '../message.ts';

/** A variable that is `undefined` is not bound. */
export type Variables = { readonly [Name in keyof Bindings]?: Bindings[Name] | undefined };

/** A DNS reply with the HTTP response it came in. */
export type Reply = {
  readonly response: Response;
  readonly octets: Buffer;
  readonly packet: DecodedPacket;
  readonly rcode: string;
  /** Extended errors (RFC 8914): code and text. */
  readonly errors: readonly { readonly code: number; readonly text: string }[];
};

/** A Worker of its own: nothing in memory of what other tests asked. */
export type Edge = {
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
  /** Asks by POST. */
  readonly ask: (question: QuestionOptions | Uint8Array) => Promise<Reply>;
  readonly get: (question: QuestionOptions | Uint8Array) => Promise<Reply>;
  /** Binds other variables from now on. */
  readonly rebind: (variables: Variables) => void;
};

export function createEdge(variables: Variables = {}): Edge {
  const app = createApp();
  let bindings = bind(variables);
  const fetch: Edge['fetch'] = async (path, init) => {
    const context = createExecutionContext();
    const response = await app.fetch(new Request(`https://doh.example${path}`, init), bindings, context);
    await waitOnExecutionContext(context);
    return response;
  };
  return {
    fetch,
    ask: async (question) => readReply(await fetch('/dns-query', postOf(octetsOf(question)))),
    get: async (question) => readReply(await fetch(getPath(octetsOf(question)))),
    rebind: (next) => (bindings = bind(next)),
  };
}

export function postOf(body: Uint8Array): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/dns-message' }, body };
}

export function getPath(query: Uint8Array): string {
  return `/dns-query?dns=${Buffer.from(query).toString('base64url')}`;
}

export async function readReply(response: Response): Promise<Reply> {
  const octets = Buffer.from(await response.arrayBuffer());
  const packet = decode(octets);
  return { response, octets, packet, rcode: rcodeOf(packet), errors: extendedErrors(packet) };
}

function rcodeOf(packet: DecodedPacket): string {
  return 'rcode' in packet ? String(packet.rcode) : '';
}

/** Answers as `TYPE data`, sorted. */
export function answersOf({ answers = [] }: DecodedPacket): string[] {
  return answers
    .map((answer) => `${answer.type} ${JSON.stringify('data' in answer ? answer.data : null)}`)
    .toSorted();
}

export function ttlsOf(records: DecodedPacket['answers'] = []): number[] {
  return records.flatMap((record) => ('ttl' in record ? [record.ttl ?? 0] : []));
}

function extendedErrors({ additionals = [] }: DecodedPacket): { code: number; text: string }[] {
  return additionals.flatMap((record) =>
    record.type === 'OPT'
      ? record.options
          .filter(({ code }) => Number(code) === 15)
          .map((option) => {
            const data = 'data' in option && option.data ? Buffer.from(option.data) : Buffer.alloc(2);
            return { code: data.readUInt16BE(0), text: data.toString('utf8', 2) };
          })
      : [],
  );
}

function octetsOf(question: QuestionOptions | Uint8Array): Uint8Array {
  return question instanceof Uint8Array ? question : encodeQuestion(question);
}

function bind(variables: Variables): Bindings {
  const bound = { ...env, ...variables };
  return Object.fromEntries(Object.entries(bound).filter(([, value]) => value !== undefined)) as Bindings;
}
