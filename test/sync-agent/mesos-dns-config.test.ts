import { describe, expect, it } from 'vitest';
import { ConfigError, mergeConfig, parseConfig } from '../../sync-agent/config.ts';
import { fromMesosDnsConfig, silentDifferences } from '../../sync-agent/mesos-dns-config.ts';
import { recordSettings, recordTtl, zoneOf, zoneSettings } from '../../sync-agent/record-settings.ts';

/** Every key of mesos-dns's configuration (naming.md 10), with a value other than its default. */
const TAKEN = {
  domain: 'Example',
  masters: ['10.0.0.1:5050', '10.0.0.2:5050'],
  refreshSeconds: 30,
  ttl: 7,
  srvRecordDefaultWeight: 5,
  IPSources: ['host', 'docker'],
  enforceRFC952: true,
  recurseon: false,
  externalon: false,
  listener: '10.0.0.53',
  SOAMname: 'NS9.Example',
  SOARname: 'host@master.example',
  SOARefresh: 1,
  SOARetry: 2,
  SOAExpire: 3,
  stateTimeoutSeconds: 20,
  mesosHTTPSOn: true,
  CACertFile: 'ca.pem',
  CertFile: 'cert.pem',
  KeyFile: 'key.pem',
  zk: 'zk://10.0.0.1:2181/mesos',
  mesosAuthentication: 'iam',
  IAMConfigFile: 'iam.json',
};
const IGNORED = {
  enumerationOn: false,
  setTruncateBit: false,
  resolvers: ['9.9.9.9'],
  zoneResolvers: { 'x.example': ['9.9.9.9'] },
  timeout: 1,
  zkDetectionTimeout: 1,
  port: 5353,
  httpport: 8124,
  httpListener: '127.0.0.1',
  dnson: false,
  httpon: false,
  SOAMinttl: 9,
};
/** Read from the file when it is needed. */
const SECRET = { mesosCredentials: { principal: 'p', secret: 'hunter2' } };

describe("mesos-dns's configuration", () => {
  it('that is empty means its own defaults', () => {
    const { config, ignored, listensOnAllAddresses, forwards } = fromMesosDnsConfig({}, 'x');
    expect({ ignored, listensOnAllAddresses, forwards }).toEqual({
      ignored: [],
      listensOnAllAddresses: true,
      forwards: true,
    });
    const parsed = parseConfig(config, 'x');
    expect(parsed).toMatchObject({
      domain: 'mesos',
      mesos: { masters: [], pollSeconds: 60, timeoutSeconds: 300 },
      records: {
        profile: 'mesos-dns',
        ttl: 60,
        negativeTtl: 60,
        srvWeight: 1,
        labelRules: 'rfc1123',
        nameServer: 'ns1.mesos',
        hostmaster: 'root.ns1.mesos',
        nameServerAddresses: [],
        refresh: 60,
        retry: 600,
        expire: 86400,
        recursionAvailable: 'always',
      },
    });
    expect(recordSettings(parsed).ipSources).toEqual(['netinfo', 'mesos', 'host']);
    expect(recordSettings(parsed)).toMatchObject({
      rawDiscoveryNames: 'as-is',
      reservedNames: 'mixed',
      maxPortsPerTask: 65536,
    });
  });

  it('has every key taken over or ignored with a reason, and none unknown', () => {
    const { config, ignored, listensOnAllAddresses, forwards } = fromMesosDnsConfig(
      { ...TAKEN, ...IGNORED, ...SECRET },
      'x',
    );
    expect(ignored.map(({ key }) => key).toSorted()).toEqual(Object.keys(IGNORED).toSorted());
    for (const { key, why } of ignored) expect(why, key).not.toMatch(/no such key|^$/);
    expect(JSON.stringify({ ignored, config })).not.toContain('hunter2');
    expect({ listensOnAllAddresses, forwards }).toEqual({ listensOnAllAddresses: false, forwards: false });
    const parsed = parseConfig(config, 'x');
    expect(parsed).toMatchObject({
      domain: 'example',
      mesos: {
        masters: ['https://10.0.0.1:5050', 'https://10.0.0.2:5050'],
        pollSeconds: 30,
        timeoutSeconds: 20,
        caCertFile: 'ca.pem',
        certFile: 'cert.pem',
        keyFile: 'key.pem',
        zk: 'zk://10.0.0.1:2181/mesos',
        scheme: 'https',
        authentication: 'iam',
        dcosServiceAccountFile: 'iam.json',
      },
      records: {
        ttl: 7,
        negativeTtl: 7,
        srvWeight: 5,
        labelRules: 'rfc952',
        ipSources: ['host', 'docker'],
        nameServer: 'NS9.Example',
        hostmaster: 'host.master.example',
        nameServerAddresses: ['10.0.0.53'],
        refresh: 1,
        retry: 2,
        expire: 3,
        recursionAvailable: 'never',
      },
    });
    expect(recordSettings(parsed).masters).toEqual([
      { host: '10.0.0.1', port: '5050' },
      { host: '10.0.0.2', port: '5050' },
    ]);
    expect(recordSettings(parsed).nameServer).toBe('NS9.Example.');
    expect(zoneOf(parsed).soa).toEqual({
      mname: 'ns9.example',
      rname: 'host.master.example',
      refresh: 1,
      retry: 2,
      expire: 3,
      minimum: 7,
      ttl: 7,
    });
    expect(recordTtl(parsed)).toBe(7);
    expect(zoneSettings(parsed).recursionAvailable).toBe('never');
  });

  it.each([
    ['lower', (key: string) => key.toLowerCase()],
    ['upper', (key: string) => key.toUpperCase()],
  ])('has keys in %s case as well', (_, inCase) => {
    const other = Object.fromEntries(
      Object.entries({ ...TAKEN, ...IGNORED }).map(([key, value]) => [inCase(key), value]),
    );
    const wanted = fromMesosDnsConfig({ ...TAKEN, ...IGNORED }, 'x');
    const got = fromMesosDnsConfig(other, 'x');
    expect(got.config).toEqual(wanted.config);
    expect(got.ignored.map(({ why }) => why)).toEqual(wanted.ignored.map(({ why }) => why));
  });

  it('names its own file for a principal and secret, which never become part of ours', () => {
    const { config } = fromMesosDnsConfig({ mesosAuthentication: 'basic', ...SECRET }, '/etc/mesos-dns.json');
    expect(config.mesos).toMatchObject({ authentication: 'basic', credentialsFile: '/etc/mesos-dns.json' });
    expect(JSON.stringify(config)).not.toContain('hunter2');
    expect(
      fromMesosDnsConfig({ mesosAuthentication: 'none', ...SECRET }, 'x').config.mesos,
    ).not.toHaveProperty('credentialsFile');
    expect(() => fromMesosDnsConfig({ mesosAuthentication: 'kerberos' }, 'x')).toThrow(
      'x: mesosAuthentication: should be basic or iam, or empty for none',
    );
  });

  it('takes the last of a key written twice', () => {
    expect(fromMesosDnsConfig({ TTL: 1, ttl: 2 }, 'x').config.records?.ttl).toBe(2);
    expect(fromMesosDnsConfig({ ttl: 2, TTL: 1 }, 'x').config.records?.ttl).toBe(1);
  });

  it('with null for a key has its default', () => {
    const nulls = Object.fromEntries(Object.keys(TAKEN).map((key) => [key, null]));
    const { ipSources: _, ...records } = fromMesosDnsConfig(nulls, 'x').config.records ?? {};
    const { config } = fromMesosDnsConfig({}, 'x');
    expect({ ...fromMesosDnsConfig(nulls, 'x').config, records }).toEqual(config);
  });

  it('with a key that mesos-dns does not have names the nearest', () => {
    const { ignored } = fromMesosDnsConfig(
      { refreshSecond: 5, colour: 'red', constructor: 1, toString: 1, ['__proto__']: 1 },
      'x',
    );
    expect(ignored).toEqual([
      { key: 'refreshSecond', why: 'mesos-dns has no such key (did you mean refreshseconds?)' },
      { key: 'colour', why: 'mesos-dns has no such key' },
      { key: 'constructor', why: 'mesos-dns has no such key' },
      { key: 'toString', why: expect.stringMatching(/^mesos-dns has no such key/) },
      { key: '__proto__', why: expect.stringMatching(/^mesos-dns has no such key/) },
    ]);
  });

  it.each(Object.entries(TAKEN))('with %s of a wrong type is refused, file and key named', (key, good) => {
    const wrongs = [5, 'x', true, ['x'], [5], { x: 1 }].filter((value) => kind(value) !== kind(good));
    for (const wrong of wrongs) {
      expect(() => fromMesosDnsConfig({ [key]: wrong }, 'x.json')).toThrow(ConfigError);
      expect(() => fromMesosDnsConfig({ [key]: wrong }, 'x.json')).toThrow(`x.json: ${key}: should be a `);
    }
  });

  it.each([null, [], 'x', 5])('that is %j is refused', (json) => {
    expect(() => fromMesosDnsConfig(json, 'x.json')).toThrow(new ConfigError('x.json is no JSON object'));
  });

  it.each([
    [
      { IPSources: ['host', 'label'] },
      /^x\.json: IPSources: unknown source "label" \(host, netinfo, docker or mesos\)$/,
    ],
    [{ IPSources: [] }, /^x\.json: records\.ipSources: /],
    [{ IPSources: ['host', 'host'] }, /^x\.json: records\.ipSources: should name each source once$/],
    [{ masters: ['10.0.0.1'] }, /^x\.json: mesos\.masters\.0: /],
    [
      { masters: ['10.0.0.1:5050', '10.0.0.1:5050'] },
      /^x\.json: mesos\.masters: should name each master once$/,
    ],
    [{ domain: 'a_b' }, /^x\.json: domain: /],
    [{ domain: 'mesos.' }, /^x\.json: domain: /],
    [{ refreshSeconds: 0 }, /^x\.json: mesos\.pollSeconds: /],
    [{ stateTimeoutSeconds: 0 }, /^x\.json: mesos\.timeoutSeconds: /],
    [{ stateTimeoutSeconds: -1 }, /^x\.json: mesos\.timeoutSeconds: /],
    [{ ttl: -1 }, /^x\.json: records\.ttl: /],
    [{ listener: 'eth0' }, /^x\.json: records\.nameServerAddresses\.0: should be an IP address$/],
    [{ SOAMname: 'a..b' }, /^x\.json: records\.nameServer: /],
  ])('%j is refused', (json, message) => {
    const read = (): unknown => parseConfig(fromMesosDnsConfig(json, 'x.json').config, 'x.json');
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(message);
  });

  it('gives way to our own configuration, key by key', () => {
    const { config } = fromMesosDnsConfig({ ...TAKEN }, 'x');
    const own = { records: { ttl: 99, reservedNames: 'kept-apart' }, mesos: { pollSeconds: 5 } };
    const parsed = parseConfig(mergeConfig(config, own), 'x');
    expect(parsed.records).toMatchObject({
      ttl: 99,
      negativeTtl: 7,
      reservedNames: 'kept-apart',
      labelRules: 'rfc952',
    });
    expect(parsed.mesos).toMatchObject({
      pollSeconds: 5,
      timeoutSeconds: 20,
      masters: ['https://10.0.0.1:5050', 'https://10.0.0.2:5050'],
    });
    expect(recordSettings(parsed)).toMatchObject({ reservedNames: 'kept-apart', rawDiscoveryNames: 'as-is' });
  });

  it.each([
    [{}, false, [/^listener is 0\.0\.0\.0: .*--local-addresses/]],
    [{}, true, []],
    [{ listener: '10.0.0.53' }, false, []],
    [{ listener: '10.0.0.53', externalon: true }, false, []],
    [{ externalon: false }, true, [/^externalon is false: .*UPSTREAMS = ""/]],
  ])('%j with addresses given (%j) says what differs silently else', (json, hasAddresses, expected) => {
    const lines = silentDifferences(fromMesosDnsConfig(json, 'x'), { hasAddresses });
    expect(lines).toEqual(expected.map((each) => expect.stringMatching(each)));
  });

  it('has an SOA name at another domain than its own, as mesos-dns does', () => {
    const parsed = parseConfig(fromMesosDnsConfig({ domain: 'dc1' }, 'x').config, 'x');
    expect(zoneOf(parsed)).toMatchObject({
      origin: 'dc1',
      nameServers: ['ns1.mesos'],
      soa: { mname: 'ns1.mesos', rname: 'root.ns1.mesos' },
    });
  });
});

function kind(value: unknown): string {
  return Array.isArray(value) ? `list of ${typeof value[0]}` : typeof value;
}
