import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type Answer, decode, encode, type Packet } from 'dns-packet';
import { openCertificateAuthority } from '../../sync-agent/local/certificate-authority.ts';
import { startHttpsFront } from '../../sync-agent/local/https-front.ts';

/**
 * What lies around the machine under test, in a process of its own: the resolver of an ordinary network, and ours
 * behind a token. Says on stdout where ours is, then each name that is asked: `edge NAME`, `ordinary NAME`.
 *
 * node resolved-world.ts DATA-DIR TOKEN
 */
const [dataDir = '', token = ''] = process.argv.slice(2);

const ORDINARY_ADDRESS = '10.99.0.2';
const NODE = { type: 'A', name: 'search-x1-s1.marathon.mesos', ttl: 5, data: '10.0.0.7' } as const;
const RECORDS: readonly Answer[] = [
  { type: 'A', name: 'leader.mesos', ttl: 5, data: '10.0.0.1' },
  { type: 'A', name: 'search.marathon.mesos', ttl: 5, data: '10.0.0.7' },
  NODE,
  {
    type: 'SRV',
    name: '_search._tcp.marathon.mesos',
    ttl: 5,
    data: { priority: 0, weight: 0, port: 31_005, target: NODE.name },
  },
];
const SOA: Answer = {
  type: 'SOA',
  name: 'mesos',
  ttl: 5,
  data: {
    mname: 'ns1.mesos',
    rname: 'root.ns1.mesos',
    serial: 1,
    refresh: 60,
    retry: 60,
    expire: 60,
    minimum: 5,
  },
};
const AA = 1 << 10;
const RA = 1 << 7;
const NXDOMAIN = 3;

const { issue, certificateFile } = await openCertificateAuthority(dataDir, Date.now);
const worker = createServer((request, response) => {
  void buffer(request).then((body) => {
    if (!request.url?.startsWith(`/t/${token}/dns-query`)) {
      response.writeHead(401).end();
      return;
    }
    const dns = new URL(request.url, 'http://edge').searchParams.get('dns');
    const message = answerOurs(dns === null ? body : Buffer.from(dns, 'base64url'));
    response
      .writeHead(200, { 'content-type': 'application/dns-message', 'cache-control': 'max-age=5' })
      .end(message);
  });
});
await new Promise<void>((resolve) => worker.listen(0, '127.0.0.1', resolve));
const address = worker.address();
const port = typeof address === 'object' && address ? address.port : 0;
const front = await startHttpsFront({ port: 0, workerUrl: `http://127.0.0.1:${port}`, issue, now: Date.now });

const ordinary = createSocket('udp4');
ordinary.on('message', (message, from) => ordinary.send(answerOrdinary(message), from.port, from.address));
await new Promise<void>((resolve) => ordinary.bind(53, ORDINARY_ADDRESS, resolve));
console.log(JSON.stringify({ url: `${front.url}/t/${token}/dns-query`, caFile: certificateFile }));

function answerOurs(message: Buffer): Buffer {
  const query = decode(message);
  const name = nameOf('edge', query);
  const known = [...RECORDS, SOA].filter((record) => record.name === name);
  const answers = known.filter((record) => record.type === query.questions?.[0]?.type);
  return reply(query, {
    flags: AA | (known.length === 0 ? NXDOMAIN : 0),
    answers,
    authorities: answers.length === 0 ? [SOA] : [],
    additionals: answers.some(({ type }) => type === 'SRV') ? [NODE] : [],
  });
}

/** All names of the Internet are one host; names of ours are none of its own. */
function answerOrdinary(message: Buffer): Buffer {
  const query = decode(message);
  const name = nameOf('ordinary', query);
  const isOurs = name === 'mesos' || name.endsWith('.mesos');
  const isAsked = !isOurs && query.questions?.[0]?.type === 'A';
  const answers: Answer[] = isAsked ? [{ type: 'A', name, ttl: 5, data: '192.0.2.80' }] : [];
  return reply(query, { flags: RA | (isOurs ? NXDOMAIN : 0), answers });
}

function nameOf(asked: string, { questions }: Packet): string {
  const name = questions?.[0]?.name.toLowerCase() ?? '';
  console.log(`${asked} ${name}`);
  return name;
}

function reply({ id = 0, questions = [] }: Packet, { flags = 0, ...sections }: Packet): Buffer {
  return encode({ type: 'response', id, flags: flags | (1 << 8), questions, ...sections });
}
