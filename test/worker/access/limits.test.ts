import { Buffer } from 'node:buffer';
import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answering, createFakeUpstreams, type Play } from '../../fakes/upstream.ts';
import { encodeQuestion } from '../../message.ts';
import { createEdge, type Edge, getPath, postOf } from '../edge.ts';
import { addresses, createSigningKey, publishToKv } from '../publish-to-kv.ts';

/** What one request may bring along, and what it may set going: docs/access.md, Limits. */

let edge: Edge;

beforeEach(async () => {
  await publishToKv(env.SNAPSHOTS, {
    rrsets: [addresses('web.mesos', ['10.0.0.1'])],
    key: await createSigningKey(),
  });
  edge = createEdge({ UPSTREAMS: '' });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await reset();
});

const question = encodeQuestion({ name: 'web.mesos', type: 1 });
const label = 'x'.repeat(63);
/** 255 octets on the wire, and one more. */
const longest = `${label}.${label}.${label}.${'x'.repeat(55)}.mesos`;
const tooLong = `${label}.${label}.${label}.${'x'.repeat(56)}.mesos`;

describe('a request', () => {
  it('has a body of 65,535 octets at most', async () => {
    const body = Buffer.concat([question, Buffer.alloc(65_536 - question.length)]);
    expect((await edge.fetch('/dns-query', postOf(body))).status).toBe(413);
    expect((await edge.fetch('/dns-query', postOf(body.subarray(1)))).status).not.toBe(413);
  });

  it('that does not say how long its body is, is read no further than that', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 16_384;
        if (sent > 10_000_000) controller.close();
        else controller.enqueue(new Uint8Array(16_384));
      },
    });
    const response = await edge.fetch('/dns-query', { ...postOf(question), body: endless });
    expect(response.status).toBe(413);
    expect(sent).toBeLessThan(200_000);
  });

  it('has a parameter of 87,380 characters at most', async () => {
    expect((await edge.fetch(`/dns-query?dns=${'A'.repeat(87_381)}`)).status).toBe(414);
    expect((await edge.fetch(`/dns-query?dns=${'A'.repeat(87_380)}`)).status).toBe(200);
  });
});

describe('a name', () => {
  const say = async (path: string): Promise<[number, string]> => {
    const response = await edge.fetch(path);
    return [response.status, await response.text()];
  };

  it('has 255 octets at most, in a message', async () => {
    expect((await edge.ask({ name: longest, type: 1 })).rcode).toBe('NXDOMAIN');
    const octets = Buffer.from(encodeQuestion({ name: longest, type: 1 }));
    const more = Buffer.concat([octets.subarray(0, 12), Buffer.of(1, 0x61), octets.subarray(12)]);
    expect((await edge.ask(more)).rcode).toBe('FORMERR');
  });

  it.each(['/resolve?name=', '/dns-query?ct=application/dns-json&name='])(
    'has 255 octets at most, at %s',
    async (path) => {
      expect((await say(path + longest))[1]).toMatch(/"Status":3/);
      expect((await say(path + tooLong))[0]).toBe(400);
      expect((await say(path + 'a.'.repeat(50_000)))[0]).toBe(400);
    },
  );

  it.each(['hosts', 'services'])('has 255 octets at most, at /v1/%s', async (kind) => {
    for (const name of [longest, tooLong, 'a.'.repeat(50_000)])
      expect(await say(`/v1/${kind}/${name}`)).toEqual([200, '[]\n']);
  });

  it('has 255 octets at most, on the page', async () => {
    expect((await say(`/?type=A&name=${longest}`))[1]).toMatch(/NXDOMAIN/);
    expect((await say(`/?type=A&name=${tooLong}`))[1]).toMatch(/octets/);
  });
});

describe('what a question sets going', () => {
  const hosts = ['one', 'two', 'three', 'four', 'five'].map((host) => `https://${host}.example/dns-query`);
  const outside = { name: 'www.example.com', type: 1 };
  const failing = (plays: readonly string[], play: Play): ReturnType<typeof createFakeUpstreams> => {
    const fake = createFakeUpstreams(Object.fromEntries(plays.map((url) => [url, play])));
    vi.stubGlobal('fetch', fake.fetch);
    edge = createEdge({ UPSTREAMS: plays.join() });
    return fake;
  };

  it('is one request to each upstream at most, however many ask it at once and again', async () => {
    const { asked } = failing(hosts, answering([], { rcode: 2 }));
    const replies = await Promise.all(Array.from({ length: 20 }, () => edge.ask(outside)));
    expect(new Set(replies.map(({ rcode }) => rcode))).toEqual(new Set(['SERVFAIL']));
    for (let i = 0; i < 10; i++) await edge.get(outside);
    expect(asked.map(({ url }) => url).toSorted()).toEqual(hosts.toSorted());
  });

  it('is two to a sole upstream whose connection is lost', async () => {
    const { asked } = failing(hosts.slice(0, 1), () => Promise.reject(new TypeError('lost')));
    expect((await edge.ask(outside)).rcode).toBe('SERVFAIL');
    expect(asked).toHaveLength(2);
  });

  it('is nothing outside for our own names, nor for a message that can not be read', async () => {
    const { asked } = failing(hosts, answering([]));
    await edge.ask({ name: 'nothing.mesos', type: 255 });
    await edge.ask(Buffer.concat([encodeQuestion(outside), Buffer.alloc(3)]));
    await edge.fetch(getPath(encodeQuestion(outside)).slice(0, -3));
    expect(asked).toEqual([]);
  });
});
