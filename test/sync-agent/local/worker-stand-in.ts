import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** A plain HTTP server in the Worker's place. */
export type StandIn = {
  readonly url: string;
  /** What it was asked, in order. */
  readonly seen: Seen[];
  /** How requests are answered from now on. */
  readonly answerWith: (answer: (request: IncomingMessage, response: ServerResponse) => void) => void;
  readonly close: () => Promise<void>;
};

export type Seen = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Resolves when its connection ended before it was answered. */
  readonly cancelled: Promise<void>;
};

export async function startStandIn(): Promise<StandIn> {
  const seen: Seen[] = [];
  const plain = (_: IncomingMessage, response: ServerResponse): void => void response.end('fine\n');
  let answer = plain;
  const server = createServer({ maxHeaderSize: 256 * 1024 }, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (chunk: Buffer) => parts.push(chunk));
    request.on('end', () => {
      const cancelled = new Promise<void>((resolve) => {
        response.on('close', () => {
          if (!response.writableFinished) resolve();
        });
      });
      const { method = '', url: path = '', headers } = request;
      seen.push({ method, path, headers, body: Buffer.concat(parts), cancelled });
      answer(request, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    answerWith: (next) => {
      answer = next;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
