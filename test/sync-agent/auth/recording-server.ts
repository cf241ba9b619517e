import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** A request as a server got it, whole. */
export type Recorded = {
  readonly origin: string;
  readonly line: string;
  readonly authorization: string | undefined;
  readonly body: string;
};

export type RecordingServer = {
  readonly origin: string;
  readonly url: URL;
  readonly port: number;
  readonly requests: Recorded[];
};

export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** Every server of a test, and what all of them got. */
export type Net = {
  readonly requests: Recorded[];
  /** A server on loopback, closed with the test; with `tls` it speaks HTTPS. */
  readonly serve: (answer: Answer, tls?: ServerOptions) => Promise<RecordingServer>;
};

export function createNet(): Net {
  const all: Recorded[] = [];
  return {
    requests: all,
    serve: async (answer, tls) => {
      const requests: Recorded[] = [];
      let origin = '';
      const listener: RequestListener = (request, response) =>
        void text(request).then((body) => {
          const { authorization } = request.headers;
          const recorded = { origin, line: `${request.method} ${request.url}`, authorization, body };
          requests.push(recorded);
          all.push(recorded);
          answer(request, response, body);
        });
      const server = tls ? createTlsServer(tls, listener) : createServer(listener);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      onTestFinished(async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      });
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      origin = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
      return { origin, url: new URL(origin), port, requests };
    },
  };
}
