import { createHmac } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { describe, expect, it, vi } from 'vitest';
import { createQueryLog, type QueryLogBindings } from '../../../worker/access/query-log.ts';
import { encodeQuestion } from '../../message.ts';
import { getPath } from '../edge.ts';
import { addresses, createSigningKey, publishToKv } from '../publish-to-kv.ts';
import { createDoor, grant, tokenOf } from './door.ts';
import { createMemoryKv } from './memory-kv.ts';

const KEY = 'a secret of the operator, 32 characters or more';
const on = { QUERY_LOG: '1', QUERY_LOG_KEY: KEY };

/** What is logged of replies, in order. */
async function logged(
  bindings: QueryLogBindings,
  replies: readonly Uint8Array[],
  { team, random = () => 0 }: { team?: string; random?: () => number } = {},
): Promise<unknown[]> {
  const lines: string[] = [];
  const running: Promise<unknown>[] = [];
  const log = await createQueryLog(bindings, { random, write: (line) => void lines.push(line) });
  for (const reply of replies) log?.(reply, team, (work) => void running.push(work));
  await Promise.all(running);
  return lines.map((line) => JSON.parse(line) as unknown);
}

function replyTo(name: string, { type = 1, rcode = 0, spelled = name } = {}): Buffer {
  const reply = Buffer.from(encodeQuestion({ name, type }));
  reply[2] = 0x81;
  reply[3] = 0x80 | rcode;
  for (const [i, letter] of [...spelled].entries()) if (letter !== '.') reply.write(letter, 13 + i, 'latin1');
  return reply;
}

function hashOf(wire: string, key = KEY): string {
  return createHmac('sha256', key).update(Buffer.from(wire, 'latin1')).digest('hex').slice(0, 16);
}

describe('the query log', () => {
  it.each([
    {},
    { QUERY_LOG: '' },
    { QUERY_LOG: ' ' },
    { QUERY_LOG: 'off' },
    { QUERY_LOG: 'off', QUERY_LOG_KEY: KEY },
    { QUERY_LOG_KEY: KEY },
  ])('is off with %j', async (bindings) => {
    expect(await createQueryLog(bindings, { random: () => 0, write: () => undefined })).toBeUndefined();
  });

  it('says type, code, team and the hash of the name, and no more', async () => {
    const reply = replyTo('secret-project.mesos', { type: 33, rcode: 3 });
    const lines = await logged(on, [reply], { team: 'payments' });
    expect(lines).toEqual([
      { name: hashOf('\x0esecret-project\x05mesos\0'), type: 'SRV', rcode: 3, team: 'payments' },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/secret|mesos/);
  });

  it('says no team where anybody may ask, and types without a name by number', async () => {
    const lines = await logged(on, [replyTo('a.mesos', { type: 65_280 })]);
    expect(lines).toEqual([{ name: hashOf('\x01a\x05mesos\0'), type: 'TYPE65280', rcode: 0 }]);
  });

  it('has one hash for a name however it is spelled, and another with another key', async () => {
    const replies = [
      replyTo('web.mesos'),
      replyTo('web.mesos', { spelled: 'WeB.mESOS' }),
      replyTo('web2.mesos'),
    ];
    const [first, second, third] = (await logged(on, replies)) as { name: string }[];
    expect(first?.name).toBe(second?.name);
    expect(first?.name).not.toBe(third?.name);
    const other = `${KEY}!`;
    expect(await logged({ ...on, QUERY_LOG_KEY: other }, replies.slice(0, 1))).toEqual([
      { name: hashOf('\x03web\x05mesos\0', other), type: 'A', rcode: 0 },
    ]);
  });

  it('takes a sample', async () => {
    let turn = 0;
    const replies = Array.from({ length: 100 }, () => replyTo('web.mesos'));
    const lines = await logged({ ...on, QUERY_LOG: '0.25' }, replies, { random: () => (turn++ % 100) / 100 });
    expect(lines).toHaveLength(25);
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['a header alone', Buffer.from('cafe81810000000000000000', 'hex')],
    ['two questions', Buffer.from(replyTo('a.mesos')).fill(2, 5, 6)],
    ['a name that is cut off', replyTo('a.mesos').subarray(0, 18)],
    ['a name that leads out of the message', Buffer.from(replyTo('a.mesos')).fill(0xc0, 12, 13)],
    ['a header that promises a question', Buffer.from('cafe81800001000000000000', 'hex')],
  ])('says nothing of %s', async (_, reply) => {
    expect(await logged(on, [reply])).toEqual([]);
  });

  it('does not change the reply', async () => {
    const reply = replyTo('web.mesos', { spelled: 'WEB.mesos' });
    const before = reply.toString('hex');
    await logged(on, [reply]);
    expect(reply.toString('hex')).toBe(before);
  });

  it.each(['on', '0', '-1', '1.1', 'NaN', '1%', 'Infinity'])('refuses the share %j', async (share) => {
    await expect(logged({ ...on, QUERY_LOG: share }, [])).rejects.toThrow(/^QUERY_LOG: /);
  });

  it.each([undefined, '', 'x'.repeat(31)])('refuses the key %j, without a word of it', async (key) => {
    const bindings = key === undefined ? { QUERY_LOG: '1' } : { QUERY_LOG: '1', QUERY_LOG_KEY: key };
    await expect(logged(bindings, [])).rejects.toThrow(
      /^QUERY_LOG_KEY: has to be a secret of 32 characters or more$/,
    );
  });
});

describe('the query log of a Worker', () => {
  it.each([
    ['DoH', getPath(encodeQuestion({ name: 'web.mesos', type: 1 }))],
    ['JSON at /dns-query', '/dns-query?name=web.mesos&ct=application/dns-json'],
    ['/resolve', '/resolve?name=Web.mesos'],
    ['the page', '/?name=web.mesos'],
  ])('has what was looked up by %s, once and no more of it', async (_, path) => {
    const log = vi.spyOn(console, 'log').mockReturnValue();
    const memory = createMemoryKv();
    const key = await createSigningKey();
    await publishToKv(memory.kv, { rrsets: [addresses('web.mesos', ['10.0.0.1'])], key });
    const views = { all: { zones: [{ origin: 'mesos' }], forwarding: false } };
    const teams = { payments: { view: 'all' } };
    await grant(memory, { views, teams, tokens: { pay: { team: 'payments' } } }, key);
    const door = createDoor(memory, {
      ...on,
      ...{ ZONES: 'mesos', ACCESS: 'tokens', VERIFY_KEYS: key.publicKeyBase64 },
    });
    expect((await door.fetch(`/t/${tokenOf('pay')}${path}`)).status).toBe(200);
    await door.fetch(`/t/${tokenOf('pay')}/`);
    await door.fetch(`/t/${tokenOf('pay')}/?name=a..b`);
    await door.fetch(path);
    const lines = log.mock.calls.map(([line]) => String(line));
    log.mockRestore();
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { name: hashOf('\x03web\x05mesos\0'), type: 'A', rcode: 0, team: 'payments' },
    ]);
  });
});
