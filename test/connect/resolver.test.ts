import { describe, expect, it } from 'vitest';
import { knownAddresses, nameToTry, readTarget } from '../../connect/resolver.ts';

const URL_WITH_TOKEN = 'https://doh.example.com/t/mdt_secretsecretsecret/dns-query';

describe('readTarget', () => {
  it('gives the parts that clients are told apart', () => {
    expect(
      readTarget({ dohUrl: 'https://[2001:db8::1]:8443/t/x/dns-query', zones: ['Mesos.', 'dc1.mesos'] }),
    ).toEqual({
      url: 'https://[2001:db8::1]:8443/t/x/dns-query',
      template: 'https://[2001:db8::1]:8443/t/x/dns-query{?dns}',
      host: '2001:db8::1',
      port: 8443,
      path: '/t/x/dns-query',
      zones: ['mesos', 'dc1.mesos'],
      addresses: [],
      caFile: undefined,
      certificates: [],
    });
  });

  it('takes a template for its URL', () => {
    expect(readTarget({ dohUrl: `${URL_WITH_TOKEN}{?dns}`, zones: [] }).url).toBe(URL_WITH_TOKEN);
  });

  it('reads the certificates of a PEM file and nothing else in it', () => {
    const caPem =
      'text\n-----BEGIN CERTIFICATE-----\nAAAA\nBB==\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nCCCC\n-----END PRIVATE KEY-----\n';
    expect(readTarget({ dohUrl: URL_WITH_TOKEN, zones: [], caPem }).certificates).toEqual(['AAAABB==']);
  });

  it.each([
    ['not a URL', { dohUrl: 'mdt_secret' }],
    ['plain HTTP', { dohUrl: 'http://doh.example.com/mdt_secret' }],
    ['a password', { dohUrl: 'https://user:mdt_secret@doh.example.com/dns-query' }],
    ['a query', { dohUrl: 'https://doh.example.com/dns-query?mdt_secret' }],
    ['a fragment', { dohUrl: 'https://doh.example.com/dns-query#mdt_secret' }],
    ['a line end in the CA path', { caFile: '/a\nurl = "https://evil.example"' }],
    ['a NEL in the CA path', { caFile: '/a\u0085b' }],
    ['a zone of other characters', { zones: ["mesos'}"] }],
    ['the root', { zones: ['.'] }],
    ['an empty label', { zones: ['a..mesos'] }],
    ['an address that is none', { addresses: ["203.0.113.10'"] }],
  ])('refuses %s, and says nothing of the token', (_, odd) => {
    const read = (): unknown => readTarget({ dohUrl: URL_WITH_TOKEN, zones: ['mesos'], ...odd });
    expect(read).toThrow(/DoH URL|CA file|zone|address/);
    expect(read).not.toThrow(/mdt_/);
  });
});

it('an address in the URL needs no other; a given one goes before it', () => {
  const byAddress = { dohUrl: 'https://203.0.113.10/dns-query', zones: ['mesos'] };
  expect(knownAddresses(readTarget(byAddress))).toEqual(['203.0.113.10']);
  expect(knownAddresses(readTarget({ ...byAddress, addresses: ['2001:DB8::1'] }))).toEqual(['2001:db8::1']);
  expect(knownAddresses(readTarget({ ...byAddress, dohUrl: URL_WITH_TOKEN }))).toEqual([]);
});

it('tries the first zone, or the usual one', () => {
  expect(nameToTry(readTarget({ dohUrl: URL_WITH_TOKEN, zones: ['dc1.mesos', 'mesos'] }))).toBe(
    'leader.dc1.mesos',
  );
  expect(nameToTry(readTarget({ dohUrl: URL_WITH_TOKEN, zones: [] }))).toBe('leader.mesos');
});
