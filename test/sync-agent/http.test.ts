import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { createServer as createTcpServer, type Server } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttp, type Http, HttpError, type HttpOptions } from '../../sync-agent/http.ts';
import { CA, CLIENT_CERT, CLIENT_KEY, SERVER_CERT, SERVER_KEY } from './auth/certificates.ts';

const signal = new AbortController().signal;

function open(options?: HttpOptions): Http {
  const http = createHttp(options);
  onTestFinished(() => http.close());
  return http;
}

type AnyServer = Server & { closeAllConnections?: () => void };

async function listen(server: AnyServer, scheme = 'http'): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections?.();
    server.close();
  });
  const address = server.address();
  return `${scheme}://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

const serve = (listener: RequestListener): Promise<string> => listen(createServer(listener));

/** Answers with headers at most, or with the beginning of a body, and nothing more. */
const stall: RequestListener = (request, response) => {
  if (request.url === '/body') response.write('some');
};

/** Answers without end, as fast as it is read; gives how much it could send. */
async function serveEndless(): Promise<{ url: string; sentOctets: () => number }> {
  let sentOctets = 0;
  const url = await serve((_, response) => {
    const more = (): void => {
      sentOctets += 65_536;
      if (response.write(new Uint8Array(65_536))) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  });
  return { url, sentOctets: () => sentOctets };
}

/** A port nobody listens on: one that was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The error of a request that must fail, read to its end where it gets that far. */
async function failure(
  http: Http,
  request: Omit<Parameters<Http['request']>[0], 'signal'>,
): Promise<HttpError> {
  const outcome: unknown = await http
    .request({ signal, ...request })
    .then((response) => response.bytes())
    .catch((error: unknown) => error);
  if (outcome instanceof HttpError) return outcome;
  throw new Error('no HttpError', { cause: outcome });
}

describe('http, answers', () => {
  it('sends method, headers and body, and gives status, headers and body', async () => {
    const url = await serve(async (request, response) => {
      const body = await buffer(request);
      response.setHeader('x-two', ['a', 'b']).writeHead(207);
      response.end(`${request.method} ${request.url} ${request.headers['x-ask']} ${body.toString('hex')}`);
    });
    const ask = { method: 'PUT', url: `${url}/a%2Fb?q=1#part`, headers: { 'x-ask': 'yes' }, signal };
    const response = await open().request({ ...ask, body: Uint8Array.of(0, 255) });
    expect(response.status).toBe(207);
    expect(response.headers['x-two']).toBe('a, b');
    expect(await response.text()).toBe('PUT /a%2Fb?q=1 yes 00ff');
  });

  it('reads octets, text and JSON', async () => {
    const url = await serve((request, response) =>
      response.end(request.url === '/json' ? '{"ä":[1]}' : 'ä\0'),
    );
    const http = open();
    const get = (path: string) => http.request({ url: url + path, signal });
    expect(await (await get('/')).bytes()).toEqual(Uint8Array.of(0xc3, 0xa4, 0));
    expect(await (await get('/')).text()).toBe('ä\0');
    expect(await (await get('/json')).json()).toEqual({ ä: [1] });
    await expect((await get('/')).json()).rejects.toThrow(/GET .*\/ answered 200 OK: not JSON but ä$/);
  });

  it('asks for gzip and takes it away, in whole and in chunks', async () => {
    const text = 'mesos '.repeat(100_000);
    const url = await serve((request, response) => {
      response.writeHead(200, { 'content-encoding': String(request.headers['accept-encoding']) });
      response.end(gzipSync(text));
    });
    const http = open();
    expect(await (await http.request({ url, signal })).text()).toBe(text);
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await http.request({ url, signal })).chunks()) chunks.push(chunk);
    expect(chunks.length).toBeGreaterThan(10);
    expect(Buffer.concat(chunks).toString()).toBe(text);
  });

  it('gives chunks as they arrive, and holds the server back when they are not taken', async () => {
    const { url, sentOctets } = await serveEndless();
    const response = await open().request({ url, signal, timeoutMs: Number.POSITIVE_INFINITY });
    for await (const chunk of response.chunks()) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(sentOctets()).toBeLessThan(32 * 1024 * 1024);
  });

  it('minds no gzip header on an answer without a body', async () => {
    const url = await serve((request, response) => {
      const empty = request.url === '/204' ? 204 : 200;
      response
        .writeHead(empty, { 'content-encoding': 'gzip', ...(empty === 200 && { 'content-length': 0 }) })
        .end();
    });
    const http = open();
    for (const ask of [{ method: 'HEAD', url }, { url }, { url: `${url}/204` }]) {
      expect(await (await http.request({ ...ask, signal })).bytes()).toHaveLength(0);
    }
  });

  it('follows no redirect', async () => {
    const url = await serve((_, response) => response.writeHead(307, { location: '//10.0.0.2:5050' }).end());
    const response = await open().request({ url, signal });
    expect([response.status, response.headers['location']]).toEqual([307, '//10.0.0.2:5050']);
    await response.discard();
  });

  it('keeps its connections for further requests', async () => {
    const ports = new Set<number | undefined>();
    const url = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.end('x'.repeat(10_000));
    });
    const http = open();
    for (const end of ['bytes', 'discard', 'refusal', 'refusal', 'discard', 'bytes'] as const) {
      await (await http.request({ url, signal }))[end]();
    }
    // Not one: a request that follows at once may come before the first connection is seen to be free again.
    expect(ports.size).toBeLessThanOrEqual(2);
  });
});

describe('http, a kept connection that is closed', () => {
  /** Answers the first request of a connection and ends it in the moment of the second: `closes` connections do so. */
  async function serveOnce(
    closes: number,
    end: 'end' | 'reset' | 'half',
  ): Promise<{ url: string; asked: string[] }> {
    const asked: string[] = [];
    let connections = 0;
    const url = await listen(
      createTcpServer((socket) => {
        const connection = ++connections;
        let requests = 0;
        socket
          .on('error', () => undefined)
          .on('data', (data) => {
            asked.push(`${connection} ${String(data).split(' ')[0]}`);
            if (++requests === 1 || connection > closes)
              socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
            else if (end === 'reset') socket.resetAndDestroy();
            else socket.end(end === 'half' ? 'HTTP/1.1 200 OK\r\ncontent-le' : '');
          });
      }),
    );
    return { url, asked };
  }
  const ask = async (http: Http, url: string, method = 'GET'): Promise<string> =>
    (await http.request({ url, method, signal, ...(method !== 'GET' && { body: 'x' }) })).text();
  /** Until undici has the connection back. */
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

  it.each(['end', 'reset', 'half'] as const)(
    'by %s is not noticed: the request is sent again',
    async (end) => {
      const { url, asked } = await serveOnce(1, end);
      const http = open();
      expect(await ask(http, url)).toBe('ok');
      await settle();
      expect(await ask(http, url)).toBe('ok');
      expect(asked).toEqual(['1 GET', '1 GET', '2 GET']);
    },
  );

  it.each(['POST', 'PUT'])('is told to who sent a %s, which may have arrived', async (method) => {
    const { url, asked } = await serveOnce(1, 'end');
    const http = open();
    await ask(http, url);
    await settle();
    await expect(ask(http, url, method)).rejects.toThrow('connection closed before the answer was complete');
    expect(asked).toEqual(['1 GET', `1 ${method}`]);
  });

  it('is told where the second goes the same way, and a new one is not tried again', async () => {
    let connections = 0;
    const url = await listen(
      createTcpServer((socket) => {
        connections++;
        socket.once('data', () => socket.end());
      }),
    );
    await expect(ask(open(), url)).rejects.toThrow('connection closed before the answer was complete');
    expect(connections).toBe(1);
    const reset = await serveOnce(0, 'end');
    const http = open();
    await ask(http, reset.url);
    expect(reset.asked).toEqual(['1 GET']);
  });
});

describe('http, limits', () => {
  it('times out before the headers and within the body', async () => {
    const url = await serve(stall);
    for (const path of ['/headers', '/body']) {
      const error = await failure(open(), { url: url + path, timeoutMs: 50 });
      expect(error.message).toBe(`GET ${url}${path} timed out after 50 ms`);
      expect(error.transient).toBe(true);
    }
  });

  it('ends a response nobody reads', async () => {
    let closed = false;
    const url = await serve((request, response) => {
      request.socket.on('close', () => (closed = true));
      response.writeHead(200, { 'content-encoding': 'gzip' }).write(gzipSync('some').subarray(0, 12));
    });
    await open().request({ url, signal, timeoutMs: 30 });
    await expect.poll(() => closed).toBe(true);
  });

  it('gives up an endless body that nobody wants', async () => {
    const { url, sentOctets } = await serveEndless();
    const http = open();
    await (await http.request({ url, signal })).discard();
    expect((await (await http.request({ url, signal })).refusal()).message).toContain('answered 200 OK');
    expect(sentOctets()).toBeLessThan(32 * 1024 * 1024);
  });

  it('notices silence in a stream without end', async () => {
    const url = await serve((_, response) => response.write('heartbeat'));
    const error = await failure(open(), { url, timeoutMs: Number.POSITIVE_INFINITY, idleTimeoutMs: 50 });
    expect(error.message).toBe(`GET ${url}/ failed: answer stopped for too long`);
  });

  it("throws the caller's reason when the caller aborts", async () => {
    const url = await serve(stall);
    const reason = new Error('enough');
    await expect(open().request({ url, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    for (const path of ['/headers', '/body']) {
      const caller = new AbortController();
      setTimeout(() => caller.abort(reason), 20);
      const read = open()
        .request({ url: url + path, signal: caller.signal })
        .then((response) => response.text());
      await expect(read).rejects.toBe(reason);
    }
  });

  it('refuses a body over the limit: announced, streamed, and grown out of gzip', async () => {
    const mebibyte = Buffer.alloc(1024 * 1024);
    const url = await serve((request, response) => {
      if (request.url === '/gzip')
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(mebibyte));
      else if (request.url === '/streamed')
        response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(mebibyte);
      else response.end(mebibyte);
    });
    const http = open();
    for (const path of ['/announced', '/streamed', '/gzip']) {
      const error = await failure(http, { url: url + path, maxOctets: 1024 * 1024 - 1 });
      expect(error.message).toBe(`GET ${url}${path} is larger than 1048575 octets`);
      expect(error.transient).toBe(false);
      const whole = await http.request({ url: url + path, signal, maxOctets: 1024 * 1024 });
      expect(await whole.bytes()).toHaveLength(1024 * 1024);
    }
    await expect(http.request({ url: `${url}/announced`, signal, maxOctets: 9 })).rejects.toThrow(
      'larger than 9 octets',
    );
    const error = await failure(http, { url: `${url}/gzip`, maxOctets: 512 * 1024 });
    expect(error.message).toContain('is larger than 524288 octets');
  });

  it('ends everything at once when closed', async () => {
    const url = await serve((_, response) => response.write('for ever'));
    const http = createHttp();
    const read = http
      .request({ url, signal, timeoutMs: Number.POSITIVE_INFINITY })
      .then((response) => response.text());
    setTimeout(() => void http.close(), 20);
    await expect(read).rejects.toThrow(HttpError);
    expect((await failure(http, { url })).message).toBe(`GET ${url}/ failed: not sent, HTTP was closed`);
  });
});

describe('http, failures in words', () => {
  it('tells a refused connection and an unknown host', async () => {
    const server = createTcpServer();
    const url = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const error = await failure(open(), { url: `${url}/state` });
    expect(error.message).toBe(`GET ${url}/state failed: connection refused`);
    expect([error.transient, error.status]).toEqual([true, undefined]);
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it.each([
    ['a reset', '', 'connection (reset|closed before the answer was complete)', true],
    [
      'a cut body',
      'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf',
      'connection closed before the answer was',
      true,
    ],
    [
      'cut gzip',
      `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x8b`,
      'gzip cut off',
      true,
    ],
    [
      'no gzip',
      'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nplain',
      'is not the gzip',
      false,
    ],
    [
      'brotli',
      'HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx',
      'encoding br, unasked',
      false,
    ],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'the answer is not HTTP', false],
  ])('tells %s', async (_, answer, words, transient) => {
    const url = await listen(
      createTcpServer((socket) => void socket.once('data', () => socket.end(answer, 'latin1'))),
    );
    const error = await failure(open(), { url });
    expect(error.message).toMatch(new RegExp(`^GET ${url}/ .*${words}`));
    expect(error.transient).toBe(transient);
  });

  it('shows a refusal in one line, cut, with status and Retry-After', async () => {
    const url = await serve((request, response) => {
      const headers = { 'retry-after': request.url === '/date' ? 'Fri, 20 Nov 2026 12:00:30 GMT' : '17' };
      response.writeHead(503, headers).end(`busy\r\n\t now\x1b[31m ${'ü'.repeat(300)}`);
    });
    const http = open({ now: () => Date.UTC(2026, 10, 20, 12) });
    const error = await (await http.request({ method: 'POST', url: `${url}/api`, signal })).refusal();
    expect(error.message).toBe(
      `POST ${url}/api answered 503 Service Unavailable: busy now [31m ${'ü'.repeat(186)}…`,
    );
    expect([error.status, error.retryAfterSeconds, error.transient]).toEqual([503, 17, true]);
    expect((await (await http.request({ url: `${url}/date`, signal })).refusal()).retryAfterSeconds).toBe(30);
  });

  it('knows whether trying again may help', async () => {
    const url = await serve((request, response) => response.writeHead(Number(request.url?.slice(1))).end());
    const http = open();
    for (const [status, transient] of Object.entries({
      400: false,
      404: false,
      429: true,
      500: true,
      504: true,
    })) {
      const response = await http.request({ url: `${url}/${status}`, signal });
      expect((await response.refusal()).transient).toBe(transient);
      expect(response.error('', { transient: !transient }).transient).toBe(!transient);
    }
  });

  it('shows a refusal even where its body breaks off', async () => {
    const answer = 'HTTP/1.1 500 Oh\r\ncontent-length: 99\r\n\r\nbecause';
    const url = await listen(createTcpServer((socket) => void socket.once('data', () => socket.end(answer))));
    const response = await open().request({ url, signal });
    expect((await response.refusal()).message).toBe(`GET ${url}/ answered 500 Oh: because`);
  });

  it.each([
    ['a token', 'token=s3cret.tok.en', 's3cret.tok.en'],
    ['the pair', `Basic ${Buffer.from('doh:s3cret pass').toString('base64')}`, 'doh:s3cret pass'],
    ['the password', `Basic ${Buffer.from('doh:s3cret pass').toString('base64')}`, 's3cret pass'],
  ])(
    'keeps %s of a header out of its messages where a server echoes it',
    async (_, authorization, echoed) => {
      const url = await serve((__, response) => response.writeHead(401).end(`you said ${echoed}!`));
      const response = await open().request({ url, headers: { authorization }, signal });
      expect((await response.refusal()).message).toBe(`GET ${url}/ answered 401 Unauthorized: you said ***!`);
    },
  );

  it('keeps secrets out of its messages', async () => {
    const secrets = { authorization: 'Bearer s3cret-token', cookie: 'sid=s3cret-cookie' };
    const url = await serve((request, response) => {
      const { authorization, cookie } = request.headers;
      response
        .writeHead(401)
        .end(`no ${authorization}, ${authorization?.slice(7)}, ${cookie} ${'x'.repeat(250)}`);
    });
    const address = url.replace('//', '//user:s3cret-password@');
    const request = {
      url: `${address}/a?token=s3cret-query#s3cret`,
      headers: secrets,
      body: 's3cret-body',
      method: 'POST',
    };
    const answered = await (await open().request({ ...request, signal })).refusal();
    expect(answered.message).toMatch(
      /^POST http:\/\/127\.0\.0\.1:\d+\/a answered 401 Unauthorized: no \*\*\*, \*\*\*, \*\*\* x+…$/,
    );
    const broken = await failure(open(), { ...request, headers: { authorization: 'Bearer s3cret\n' } });
    const closed = `http://user:s3cret@127.0.0.1:${await closedPort()}/?s3cret`;
    const unreachable = await failure(open(), { ...request, url: closed });
    const noUrl = await failure(open(), { url: 's3cret' });
    for (const error of [answered, broken, unreachable, noUrl]) {
      expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain('s3cret');
    }
  });
});

describe('http, TLS', () => {
  const listenTls = (options: ServerOptions = {}): Promise<string> =>
    listen(
      createTlsServer({ cert: SERVER_CERT, key: SERVER_KEY, ...options }, (_, response) =>
        response.end('sealed'),
      ),
      'https',
    );

  it('trusts the CA it is given, and only that', async () => {
    const url = await listenTls();
    expect(await (await open({ tls: { ca: CA } }).request({ url, signal })).text()).toBe('sealed');
    const error = await failure(open(), { url });
    expect(error.message).toBe(`GET ${url}/ failed: certificate comes from an unknown authority`);
    expect(error.transient).toBe(false);
  });

  it('checks the name, or the one it is told to', async () => {
    const url = (await listenTls()).replace('127.0.0.1', 'localhost');
    const error = await failure(open({ tls: { ca: CA } }), { url });
    expect(error.message).toContain('failed: certificate is for another host name');
    const told = open({ tls: { ca: CA, servername: 'kv.test' } });
    expect(await (await told.request({ url, signal })).text()).toBe('sealed');
  });

  it('shows a client certificate', async () => {
    const url = await listenTls({ ca: CA, requestCert: true, rejectUnauthorized: true });
    const known = open({ tls: { ca: CA, cert: CLIENT_CERT, key: CLIENT_KEY } });
    expect(await (await known.request({ url, signal })).text()).toBe('sealed');
    const unknown = await failure(open({ tls: { ca: CA } }), { url });
    expect(unknown.message).toMatch(
      /failed: (connection closed|connection reset|a client certificate is required)/,
    );
  });

  it('says so when the other side speaks no TLS', async () => {
    const url = (await serve((_, response) => response.end())).replace('http:', 'https:');
    expect((await failure(open(), { url })).message).toBe(`GET ${url}/ failed: no TLS on that port`);
  });

  it('refuses what is no PEM or no pair when it is made, without showing it', () => {
    for (const tls of [{ ca: 'nonsense' }, { cert: 'nonsense' }, { cert: CLIENT_CERT, key: SERVER_KEY }]) {
      expect(() => createHttp({ tls })).toThrow(/^the CA certificate, client certificate or client key/);
    }
  });
});
