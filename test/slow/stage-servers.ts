import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { decode, encode, type Packet } from 'dns-packet';

/**
 * What a browser's stage has besides us, run inside the stage's network: a page on all addresses, the system's resolver
 * on port 53, and a public DoH resolver to forward to. Tells of each request as a line on stdout, `kind what`.
 * Arguments: the page's text, the address public names have, and the only name that the system's resolver knows.
 */
const [, , pageText = '', publicAddress = '', systemName = ''] = process.argv;

const say = (kind: string, what: string): void => void process.stdout.write(`${kind} ${what}\n`);

const page = createServer((request, response) => {
  say('page', request.headers.host ?? '');
  response.setHeader('content-type', 'text/html');
  response.end(`<!doctype html><title>page</title><p>${pageText}</p>`);
});
page.listen(0, '0.0.0.0', () => say('pagePort', portOf(page)));

const system = createSocket('udp4');
system.on('message', (query, from) => {
  say('system', decode(query).questions?.[0]?.name ?? '');
  system.send(
    answer(query, (name) => name === systemName),
    from.port,
    from.address,
  );
});
system.bind(53, '127.0.0.1', () => say('systemPort', '53'));

const upstream = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => void chunks.push(chunk));
  request.on('end', () => {
    const query = Buffer.concat(chunks);
    say('upstream', decode(query).questions?.[0]?.name ?? '');
    response.setHeader('content-type', 'application/dns-message');
    response.end(answer(query, () => true));
  });
});
upstream.listen(0, '127.0.0.1', () => say('upstreamPort', portOf(upstream)));

function answer(query: Buffer, knows: (name: string) => boolean): Buffer {
  const { id = 0, questions = [] } = decode(query);
  const [question] = questions;
  const known = question !== undefined && knows(question.name);
  const answers: Packet['answers'] =
    known && question.type === 'A'
      ? [{ type: 'A', name: question.name, ttl: 5, data: publicAddress }]
      : known && question.type === 'NS'
        ? [{ type: 'NS', name: question.name, ttl: 5, data: 'ns.example' }]
        : [];
  return encode({ type: 'response', id, flags: 0x0180 | (known ? 0 : 3), questions, answers });
}

function portOf(server: ReturnType<typeof createServer>): string {
  const address = server.address();
  return typeof address === 'object' && address !== null ? String(address.port) : '';
}
