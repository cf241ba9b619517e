import { describe, expect, it } from 'vitest';
import { forwardZoneOf, isMapped, parseForwarding, parseUpstream } from '../../worker/upstream/forwarding.ts';
import { FormatError } from '../../zone/format-error.ts';
import { nameFromWire, nameToWire, parseName } from '../../zone/name.ts';
import { answering, type Play } from '../fakes/upstream.ts';
import { answersOf } from './edge.ts';
import { createDoor, FIRST, SECOND } from './upstream-asked.ts';

const [ONE, TWO] = ['https://one.example/dns-query', 'http://10.0.0.53:8053/dns-query'];

describe('upstreams by zone', () => {
  const forwarding = parseForwarding([FIRST], {
    UPSTREAMS_BY_ZONE: ` corp.example = ${ONE} | ${TWO} ,dc1.Corp.example.=${TWO},10.in-addr.arpa=${ONE},shut.example=`,
  });

  it.each([
    ['corp.example', [ONE, TWO]],
    ['a.b.corp.example', [ONE, TWO]],
    ['dc1.corp.example', [TWO]],
    ['x.dc1.corp.example', [TWO]],
    ['xdc1.corp.example', [ONE, TWO]],
    ['xcorp.example', [FIRST]],
    ['example', [FIRST]],
    ['', [FIRST]],
    ['4.3.2.10.in-addr.arpa', [ONE]],
    ['www.shut.example', []],
  ])('%j goes to %j', (name, urls) => {
    const zone = forwarding && forwardZoneOf(forwarding, nameToWire(parseName(name)));
    expect(zone?.urls).toEqual(urls);
    expect(isMapped(zone)).toBe(urls[0] !== FIRST);
  });

  it('may be all there is', () => {
    const alone = parseForwarding([], { UPSTREAMS_BY_ZONE: `corp.example=${ONE}` });
    expect(alone && forwardZoneOf(alone, nameToWire(parseName('www.example.com')))).toBeUndefined();
    expect(parseForwarding([], {})).toBeUndefined();
    expect(parseForwarding([], { UPSTREAMS_BY_ZONE: ' , ' })).toBeUndefined();
  });

  it.each([
    ['no URL', { UPSTREAMS_BY_ZONE: 'corp.example=1.1.1.1' }, /UPSTREAMS_BY_ZONE.*no http or https URL/],
    ['no zone', { UPSTREAMS_BY_ZONE: ONE }, /no http|zone=URL/],
    ['an empty zone', { UPSTREAMS_BY_ZONE: `=${ONE}` }, /zone=URL/],
    ['the root', { UPSTREAMS_BY_ZONE: `.=${ONE}` }, /zone=URL/],
    ['a bad name', { UPSTREAMS_BY_ZONE: `a..b=${ONE}` }, /empty label/],
    ['a word for a switch', { REBIND_PROTECTION: 'no' }, /REBIND_PROTECTION is|REBIND_PROTECTION: is/],
    ['a bad name that is allowed', { REBIND_ALLOW: 'a..b' }, /empty label/],
  ])('%s is refused', (_, bindings, said) => {
    expect(() => parseForwarding([FIRST], bindings)).toThrow(FormatError);
    expect(() => parseForwarding([FIRST], bindings)).toThrow(said);
  });

  it('are URLs, or templates of them', () => {
    expect(parseUpstream('https://dns.example/dns-query{?dns}')).toBe('https://dns.example/dns-query');
    expect(parseUpstream(ONE)).toBe(ONE);
    for (const text of ['1.1.1.1', 'tls://one.example', 'ftp://one.example/', ''])
      expect(() => parseUpstream(text)).toThrow(/UPSTREAMS/);
  });

  it('say which names may be inside', () => {
    const insideOf = (bindings: Parameters<typeof parseForwarding>[1]): string[] | undefined =>
      parseForwarding([FIRST], bindings)?.insideNames.map((wire) => nameFromWire(wire));
    expect(insideOf({})).toEqual([]);
    expect(insideOf({ REBIND_PROTECTION: ' on ' })).toEqual([]);
    expect(insideOf({ REBIND_PROTECTION: 'off' })).toEqual(['']);
    expect(
      insideOf({ REBIND_ALLOW: 'plex.direct, A.example.', UPSTREAMS_BY_ZONE: `corp.example=${ONE}` }),
    ).toEqual(['plex.direct', 'a.example', 'corp.example']);
  });
});

describe('private addresses in answers from outside', () => {
  const addresses =
    (...values: string[]): Play =>
    (query, signal) =>
      answering(
        values.map((data) => ({
          name: 'www.example.com',
          type: data.includes(':') ? 'AAAA' : 'A',
          ttl: 60,
          data,
        })),
      )(query, signal);
  const BLOCKED = [{ code: 15, text: expect.stringMatching(/private/) }];

  it('are withheld; where nothing is left the name has nothing, and EDE 15 says why', async () => {
    const door = createDoor({ [FIRST]: addresses('10.0.0.1', '192.168.1.1') });
    for (let times = 0; times < 2; times++) {
      const reply = await door.ask({ edns: 1232 });
      expect([reply.rcode, reply.packet.answers, reply.ttl]).toEqual(['NOERROR', [], 60]);
      expect(reply.errors).toEqual(BLOCKED);
    }
    expect(door.asked).toHaveLength(1);
  });

  it('do not take the others with them', async () => {
    const reply = await createDoor({ [FIRST]: addresses('127.0.0.1', '192.0.2.1') }).ask({ edns: 1232 });
    expect(answersOf(reply.packet)).toEqual(['A "192.0.2.1"']);
    expect(reply.errors).toEqual(BLOCKED);
  });

  it.each(['::1', 'fd00::1', 'fe80::1', '::ffff:10.0.0.1'])('in IPv6 too: %s', async (address) => {
    const reply = await createDoor({ [FIRST]: addresses(address) }).ask({ type: 28, edns: 1232 });
    expect([reply.packet.answers, reply.errors]).toEqual([[], BLOCKED]);
  });

  it.each([
    ['protection is off', { REBIND_PROTECTION: 'off' }],
    ['the name is allowed', { REBIND_ALLOW: 'example.com' }],
    ['the name has upstreams of its own', { UPSTREAMS_BY_ZONE: `example.com=${SECOND}` }],
  ])('stay where %s', async (_, bindings) => {
    const plays = { [FIRST]: addresses('10.0.0.1'), [SECOND]: addresses('10.0.0.1') };
    const reply = await createDoor(plays, bindings).ask({ edns: 1232 });
    expect([answersOf(reply.packet), reply.errors]).toEqual([['A "10.0.0.1"'], []]);
  });

  it('are withheld from the names beside an allowed one', async () => {
    const door = createDoor({ [FIRST]: addresses('10.0.0.1') }, { REBIND_ALLOW: 'a.example.com' });
    expect((await door.ask({ name: 'xa.example.com' })).packet.answers).toEqual([]);
    expect((await door.ask({ name: 'x.a.example.com' })).packet.answers).toHaveLength(1);
  });
});
