import { type Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createWriter } from '../zone/octets.ts';
import { type Channel, type Request, RETIRE_MS } from './channel.ts';
import { BODY_OCTETS, DNS_MESSAGE, type HttpReply, MOST_BODY_OCTETS } from './http-reply.ts';
import { UpstreamError } from './upstream-error.ts';

/**
 * HTTP/1.1 for servers without HTTP/2: one request at a time on each of `agent`'s kept-alive connections, more
 * waiting for one. The agent knows host, port, addresses and TLS.
 */
export function openH1Channel(
  agent: Agent,
  { hostname, port, isTls, request }: { hostname: string; port: number; isTls: boolean; request: Request },
): Channel {
  let heardAt = performance.now();
  let isRetired = false;
  const send = isTls ? httpsRequest : httpRequest;
  const headers = {
    host: request.authority,
    accept: DNS_MESSAGE,
    'content-type': DNS_MESSAGE,
    ...(request.authorization !== undefined && { authorization: request.authorization }),
  };
  return {
    protocol: 'http/1.1',
    post: (body, timeoutMs) => {
      const sent = send({
        agent,
        hostname,
        port,
        method: 'POST',
        path: request.path,
        headers: { ...headers, 'content-length': body.length },
      });
      sent.end(body);
      const heard = (): void => {
        heardAt = performance.now();
      };
      return replyTo(sent, { timeoutMs, heard });
    },
    isOpen: () => !isRetired,
    heardAt: () => heardAt,
    suspect: () => undefined,
    retire: () => {
      isRetired = true;
      setTimeout(() => agent.destroy(), RETIRE_MS).unref();
    },
    destroy: () => {
      isRetired = true;
      agent.destroy();
    },
  };
}

function replyTo(
  sent: ClientRequest,
  { timeoutMs, heard }: { readonly timeoutMs: number; readonly heard: () => void },
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const fail = (error: UpstreamError): void => {
      clearTimeout(timer);
      reject(error);
      sent.destroy();
    };
    const timer = setTimeout(
      () => fail(new UpstreamError('timeout', 'the DoH server did not answer in time')),
      timeoutMs,
    );
    const closed = (cause?: Error): void =>
      fail(
        new UpstreamError('closed', 'the connection to the DoH server ended', { isRepeatable: true, cause }),
      );
    sent.on('error', closed);
    sent.on('response', (response: IncomingMessage) => {
      heard();
      const body = createWriter(BODY_OCTETS);
      response.on('data', (chunk: Uint8Array) => {
        if (body.offset() + chunk.length <= MOST_BODY_OCTETS) body.octets(chunk);
        else fail(new UpstreamError('body', 'the DoH server answered more than a DNS message'));
      });
      response.on('error', closed);
      response.on('close', () => {
        if (!response.complete) return closed();
        clearTimeout(timer);
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'],
          retryAfter: response.headers['retry-after'],
          age: response.headers.age,
          body: body.written(),
        });
      });
    });
  });
}
