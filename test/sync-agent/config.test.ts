import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  ConfigError,
  masterEndpoint,
  mergeConfig,
  parseConfig,
  parseMaster,
  readJsonFile,
} from '../../sync-agent/config.ts';

describe('a configuration', () => {
  it('that is empty has every default', () => {
    expect(parseConfig({}, 'x')).toEqual({
      domain: 'mesos',
      mesos: {
        masters: [],
        scheme: 'http',
        mastersBy: 'address',
        mode: 'auto',
        reconcileSeconds: 300,
        allowEmpty: false,
        pollSeconds: 60,
        timeoutSeconds: 300,
        maxStateMebibytes: 1024,
        hostLookupSeconds: 5,
      },
      records: {
        profile: 'full',
        srvWeight: 1,
        labelRules: 'rfc1123',
        nameServerAddresses: [],
        refresh: 60,
        retry: 600,
        expire: 86400,
      },
      variants: {},
      dataDir: '.mesos-doh',
      minPushSeconds: 10,
      livenessSeconds: 300,
      staleAfterSeconds: 900,
      expireAfterSeconds: 604800,
      plan: 'paid',
      guard: {
        maxRemovedPercent: 30,
        minRemoved: 20,
        windowSeconds: 600,
        settleSeconds: 60,
        failoverSeconds: 600,
      },
      history: { keep: 24, everySeconds: 3600, maxMebibytes: 512 },
      election: { by: 'none', peers: [] },
    });
  });

  it('for the free plan pushes, renews and ages slower, unless it says otherwise', () => {
    expect(parseConfig({ plan: 'free' }, 'x')).toMatchObject({
      minPushSeconds: 100,
      livenessSeconds: 900,
      staleAfterSeconds: 2700,
    });
    expect(parseConfig({ plan: 'free', livenessSeconds: 30 }, 'x').livenessSeconds).toBe(30);
  });

  it.each([
    [{ election: { by: 'zookeeper' } }, 'x: election.zk should name the ZooKeeper path to elect at'],
    [{ election: { by: 'peers' }, metrics: { port: 1 } }, 'x: election.peers should name the other agents'],
    [
      { election: { by: 'peers', peers: ['http://10.0.0.2:9153'] } },
      'x: election by peers needs metrics.port, where the others ask this agent',
    ],
  ])('refuses an election that lacks something: %j', (input, message) => {
    expect(() => parseConfig(input, 'x')).toThrow(message);
  });

  it('that says everything is as it says', () => {
    const whole = {
      domain: 'dc1.example',
      mesos: {
        masters: ['http://10.0.0.1:5050', 'https://10.0.0.2'],
        zk: 'zk://10.0.0.1:2181/mesos',
        zkCredentialsFile: 'zk.txt',
        scheme: 'https',
        mastersBy: 'hostname',
        mode: 'poll',
        reconcileSeconds: 60,
        authentication: 'basic',
        credentials: { principal: 'mesos-doh' },
        credentialsFile: 'credentials.json',
        dcosServiceAccountFile: 'account.json',
        serverName: 'master.example',
        allowEmpty: true,
        pollSeconds: 1,
        timeoutSeconds: 2_147_483,
        maxStateMebibytes: 1,
        hostLookupSeconds: 1,
        caCertFile: 'ca.pem',
        certFile: 'cert.pem',
        keyFile: 'key.pem',
      },
      kv: { url: 'https://api.example/accounts/1', namespace: 'n' },
      records: {
        profile: 'mesos-dns',
        ttl: 0,
        negativeTtl: 2_147_483_647,
        srvWeight: 65535,
        labelRules: 'rfc952',
        ipSources: ['host', 'docker'],
        rawDiscoveryNames: 'lower-case',
        reservedNames: 'kept-apart',
        maxPortsPerTask: 0,
        nameServer: 'NS.example.',
        nameServerAddresses: ['10.0.0.53', '2001:db8::53'],
        hostmaster: 'host\\.master.example',
        refresh: 0,
        retry: 0,
        expire: 0,
        recursionAvailable: 'never',
      },
      variants: {
        outside: {
          minVisibility: 'external',
          agentAddressAttribute: 'public_ip',
          ipSources: ['host'],
          clusterNames: 'left-out',
          frameworks: ['marathon'],
          tasks: ['shop*'],
        },
      },
      marathon: { urls: ['http://10.0.0.1:8080'], credentialsFile: 'marathon.json' },
      dataDir: '/var/lib/mesos-doh',
      minPushSeconds: 1,
      livenessSeconds: 10,
      staleAfterSeconds: 11,
      expireAfterSeconds: 0,
      signingKeyFile: 'key.pem',
      plan: 'free',
      guard: {
        maxRemovedPercent: 0,
        minRemoved: 1,
        windowSeconds: 0,
        settleSeconds: 0,
        failoverSeconds: 0,
      },
      history: { keep: 0, everySeconds: 60, maxMebibytes: 1 },
      election: { by: 'zookeeper', peers: [], zk: 'zk://10.0.0.1:2181/mesos-doh' },
      metrics: { host: '0.0.0.0', port: 0 },
    };
    expect(parseConfig(whole, 'x')).toEqual(whole);
  });

  it.each([
    [{ domian: 'x' }, 'x.json: unknown key domian (did you mean domain?)'],
    [{ Domain: 'x' }, 'x.json: unknown key Domain (did you mean domain?)'],
    [{ ttl: 5 }, 'x.json: unknown key ttl'],
    [{ mesos: ['http://10.0.0.1'] }, 'x.json: unknown key mesos.0'],
    [{ mesos: { master: [] } }, 'x.json: unknown key mesos.master (did you mean masters?)'],
    [{ mesos: { pollseconds: 5 } }, 'x.json: unknown key mesos.pollseconds (did you mean pollSeconds?)'],
    [{ records: { ttls: 5 } }, 'x.json: unknown key records.ttls (did you mean ttl?)'],
    [{ records: { 'ipSources ': [] } }, 'x.json: unknown key records.ipSources  (did you mean ipSources?)'],
    [
      { kv: { url: 'http://x', namespace: 'n', namspace: 'n' } },
      'x.json: unknown key kv.namspace (did you mean namespace?)',
    ],
    [
      { kv: { url: 'http://x', namespace: 'n', completelyElse: 'n' } },
      'x.json: unknown key kv.completelyElse',
    ],
    [{ '': 5 }, /^x\.json: unknown key/],
  ])('%j has an unknown key, which is named with its path and the nearest known one', (input, message) => {
    expect(refusal(input)).toMatch(
      typeof message === 'string' ? new RegExp(`^${escape(message)}$`) : message,
    );
  });

  it.each([5, null, 'text', [], ['domain']])('is refused where it is no object: %j', (input) => {
    expect(refusal(input)).toBe('x.json: should be a JSON object');
  });

  it.each([
    [{ livenessSeconds: 900 }, 'staleAfterSeconds should be more than livenessSeconds'],
    [{ mesos: { pollSeconds: 1000 } }, 'staleAfterSeconds should be more than mesos.pollSeconds'],
    [{ expireAfterSeconds: 900 }, 'expireAfterSeconds should be more than staleAfterSeconds, or 0 for never'],
  ])('is refused where answers would be stale or gone between renewals: %j', (input, reason) => {
    expect(refusal(input)).toBe(`x.json: ${reason}`);
  });

  it.each([
    ['domain', { domain: 5 }],
    ['domain', { domain: '' }],
    ['domain', { domain: 'mesos.' }],
    ['domain', { domain: '.mesos' }],
    ['domain', { domain: 'a..b' }],
    ['domain', { domain: 'a_b' }],
    ['domain', { domain: '-a' }],
    ['domain', { domain: 'a-' }],
    ['domain', { domain: 'a b' }],
    ['domain', { domain: 'é' }],
    ['domain', { domain: 'a'.repeat(64) }],
    ['domain', { domain: 'a.'.repeat(99) + 'aaa' }],
    ['mesos', { mesos: 'http://10.0.0.1' }],
    ['mesos.masters', { mesos: { masters: 'http://10.0.0.1:5050' } }],
    ['mesos.masters.0', { mesos: { masters: [5] } }],
    ['mesos.masters.1', { mesos: { masters: ['10.0.0.1:5050', '10.0.0.1'] } }],
    ['mesos.masters.0', { mesos: { masters: ['10.0.0.1:99999'] } }],
    ['mesos.masters.0', { mesos: { masters: ['ftp://10.0.0.1:5050'] } }],
    ['mesos.masters.0', { mesos: { masters: ['zk://10.0.0.1:2181/mesos'] } }],
    ['mesos.masters.0', { mesos: { masters: ['http://'] } }],
    ['mesos.masters.0', { mesos: { masters: [''] } }],
    ['mesos.masters.0', { mesos: { masters: ['http://10.0.0.1:x'] } }],
    ['mesos.masters.0', { mesos: { masters: ['2001:db8::1:5050'] } }],
    ['mesos.masters', { mesos: { masters: ['10.0.0.1:5050', '10.0.0.1:5050'] } }],
    ['mesos.masters', { mesos: { masters: ['10.0.0.1:5050', 'HTTP://10.0.0.1:5050/'] } }],
    ['mesos.masters', { mesos: { masters: ['http://10.0.0.1', 'http://10.0.0.1:80'] } }],
    ['mesos.masters', { mesos: { masters: ['http://[2001:db8::1]:5050', '[2001:DB8:0::1]:5050'] } }],
    ['mesos.pollSeconds', { mesos: { pollSeconds: 0 } }],
    ['mesos.pollSeconds', { mesos: { pollSeconds: 1.5 } }],
    ['mesos.pollSeconds', { mesos: { pollSeconds: '60' } }],
    ['mesos.pollSeconds', { mesos: { pollSeconds: Number.NaN } }],
    // More than a timer can wait for would not be waited for at all.
    ['mesos.pollSeconds', { mesos: { pollSeconds: 2_147_484 } }],
    ['mesos.timeoutSeconds', { mesos: { timeoutSeconds: 2_147_484 } }],
    ['mesos.hostLookupSeconds', { mesos: { hostLookupSeconds: 2_147_484 } }],
    ['minPushSeconds', { minPushSeconds: 2_147_484 }],
    ['mesos.timeoutSeconds', { mesos: { timeoutSeconds: -1 } }],
    ['mesos.maxStateMebibytes', { mesos: { maxStateMebibytes: 0 } }],
    ['kv.url', { kv: { namespace: 'n' } }],
    ['kv.namespace', { kv: { url: 'http://x' } }],
    ['kv.namespace', { kv: { url: 'http://x', namespace: '' } }],
    ['kv.url', { kv: { url: 'api.example', namespace: 'n' } }],
    ['kv.url', { kv: { url: 'ftp://api.example', namespace: 'n' } }],
    ['dataDir', { dataDir: '' }],
    ['records.profile', { records: { profile: 'mesosdns' } }],
    ['records.ttl', { records: { ttl: -1 } }],
    ['records.ttl', { records: { ttl: 2 ** 31 } }],
    ['records.ttl', { records: { ttl: null } }],
    ['records.srvWeight', { records: { srvWeight: 65536 } }],
    ['records.labelRules', { records: { labelRules: 'RFC952' } }],
    ['records.ipSources', { records: { ipSources: [] } }],
    ['records.ipSources', { records: { ipSources: ['host', 'host'] } }],
    ['records.ipSources.1', { records: { ipSources: ['host', 'label'] } }],
    ['records.maxPortsPerTask', { records: { maxPortsPerTask: 65537 } }],
    ['records.nameServer', { records: { nameServer: 'a..b' } }],
    ['records.nameServer', { records: { nameServer: `${'a'.repeat(64)}.mesos` } }],
    ['records.hostmaster', { records: { hostmaster: '.'.repeat(2) } }],
    ['records.nameServerAddresses.0', { records: { nameServerAddresses: ['ns1.mesos'] } }],
    ['records.nameServerAddresses.1', { records: { nameServerAddresses: ['10.0.0.1', '010.0.0.1'] } }],
    ['records.recursionAvailable', { records: { recursionAvailable: true } }],
    ['dataDir', { dataDir: null }],
    ['livenessSeconds', { livenessSeconds: 9 }],
    ['staleAfterSeconds', { staleAfterSeconds: 0 }],
    ['expireAfterSeconds', { expireAfterSeconds: -1 }],
    ['signingKeyFile', { signingKeyFile: 5 }],
  ])('is refused at %s: %j', (key, input) => {
    expect(refusal(input).startsWith(`x.json: ${key}: `)).toBe(true);
  });

  it('says what it should be', () => {
    expect(refusal({ domain: 'a_b' })).toBe(
      'x.json: domain: should be labels of letters, digits and dashes, such as mesos or dc1.example',
    );
    expect(refusal({ mesos: { masters: ['10.0.0.1'] } })).toBe(
      'x.json: mesos.masters.0: address "10.0.0.1": is not host:port (IPv6 in brackets)',
    );
    expect(refusal({ records: { nameServerAddresses: ['x'] } })).toBe(
      'x.json: records.nameServerAddresses.0: should be an IP address',
    );
    expect(refusal({ records: { ipSources: ['x'] } })).toMatch(/"host" \| "netinfo" \| "docker" \| "mesos"/);
  });

  it('has its domain in lower case', () => {
    expect(parseConfig({ domain: 'DC1.Example' }, 'x').domain).toBe('dc1.example');
  });

  it.each(['http://me:hunter2@10.0.0.1:5050', 'me:hunter2@10.0.0.1:5050', 'ftp://hunter2@x'])(
    'never repeats the password of %s',
    (master) => {
      const message = refusal({ mesos: { masters: [master] } });
      expect(message).toBe(
        'x.json: mesos.masters.0: master: holds a name or password (before an @), which is never sent',
      );
    },
  );

  it.each([
    ['marathon.urls.0', { marathon: { urls: ['http://me:hunter2@10.0.0.1:8080'] } }],
    ['kv.url', { kv: { url: 'https://hunter2@kv.example.com/a', namespace: 'n' } }],
    ['election.peers.0', { election: { by: 'peers', peers: ['http://:hunter2@10.0.0.1:9153'] } }],
  ])('refuses a password in %s, which is never sent', (key, config) => {
    expect(refusal(config)).toBe(
      `x.json: ${key}: the URL: holds a name or password (before an @), which is never sent`,
    );
  });

  it('of anything is read or refused, and nothing else', () => {
    const value = fc.jsonValue({ maxDepth: 2 });
    const part = (keys: readonly string[]): fc.Arbitrary<unknown> =>
      fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), value);
    const input = fc.oneof(
      value,
      fc.record(
        {
          domain: value,
          mesos: part(['masters', 'pollSeconds', 'caCertFile']),
          kv: part(['url', 'namespace']),
          records: part(['profile', 'ttl', 'ipSources', 'nameServer', 'hostmaster', 'nameServerAddresses']),
        },
        { requiredKeys: [] },
      ),
      fc.record({
        mesos: fc.record({
          masters: fc.array(fc.oneof(fc.webUrl(), fc.string(), fc.constant('10.0.0.1:5050'))),
        }),
      }),
    );
    fc.assert(
      fc.property(input, (json) => {
        try {
          parseConfig(json, 'x');
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a master', () => {
  it.each([
    ['10.0.0.1:5050', 'http://10.0.0.1:5050/', '10.0.0.1', '5050'],
    ['http://10.0.0.1:5050', 'http://10.0.0.1:5050/', '10.0.0.1', '5050'],
    ['HTTP://10.0.0.1:5050', 'http://10.0.0.1:5050/', '10.0.0.1', '5050'],
    ['https://10.0.0.1:5050/', 'https://10.0.0.1:5050/', '10.0.0.1', '5050'],
    ['http://10.0.0.1', 'http://10.0.0.1/', '10.0.0.1', '80'],
    ['https://Master.example', 'https://master.example/', 'Master.example', '443'],
    ['HTTPS://Master.example', 'https://master.example/', 'Master.example', '443'],
    ['[2001:DB8::1]:5050', 'http://[2001:db8::1]:5050/', '2001:DB8::1', '5050'],
    ['http://[2001:db8::1]', 'http://[2001:db8::1]/', '2001:db8::1', '80'],
    ['http://10.0.0.1:5050/path:7', 'http://10.0.0.1:5050/path:7', '10.0.0.1', '5050'],
    ['http://10.0.0.1:5050?x=:7', 'http://10.0.0.1:5050/?x=:7', '10.0.0.1', '5050'],
    ['http://10.0.0.1:5050#x', 'http://10.0.0.1:5050/#x', '10.0.0.1', '5050'],
  ])('%s is asked at %s and known as %s port %s', (text, href, host, port) => {
    expect(parseMaster(text).href).toBe(href);
    expect(masterEndpoint(text)).toEqual({ host, port });
    expect(parseConfig({ mesos: { masters: [text] } }, 'x').mesos.masters).toEqual([text]);
  });

  it('that is taken has an endpoint: what one accepts the other does not refuse', () => {
    const text = fc.oneof(
      fc.webUrl(),
      fc
        .tuple(
          fc.constantFrom('http://', 'https://', 'HTTP:\\\\', ' http://', ''),
          fc.string({
            unit: fc.constantFrom('a', '1', '.', ':', '/', '?', '#', '[', ']', ' ', '\\', '\t', '@'),
            maxLength: 12,
          }),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (master) => {
        let isMaster = true;
        try {
          parseConfig({ mesos: { masters: [master] } }, 'x');
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          isMaster = false;
        }
        if (isMaster) expect(masterEndpoint(master).port).toMatch(/^(\d*|[a-z]+)$/i);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('configurations put over each other', () => {
  it.each([
    [{}, {}, {}],
    [{ a: 1 }, undefined, { a: 1 }],
    [undefined, { a: 1 }, { a: 1 }],
    [{ a: 1, b: { c: 2, d: 3 } }, { b: { d: 4, e: 5 } }, { a: 1, b: { c: 2, d: 4, e: 5 } }],
    [{ a: [1, 2] }, { a: [3] }, { a: [3] }],
    [{ a: { b: 1 } }, { a: 5 }, { a: 5 }],
    [{ a: 5 }, { a: { b: 1 } }, { a: { b: 1 } }],
    [{ a: 1 }, { a: undefined }, { a: 1 }],
    [{ a: 1 }, { a: null }, { a: null }],
    [{ a: 1 }, null, null],
    [{ a: 1 }, [1], [1]],
  ])('%j and %j are %j', (base, over, merged) => {
    expect(mergeConfig(base, over)).toEqual(merged);
  });

  it('change neither', () => {
    const base = { a: { b: 1 } };
    const over = { a: { c: 2 } };
    mergeConfig(base, over);
    expect([base, over]).toEqual([{ a: { b: 1 } }, { a: { c: 2 } }]);
  });

  it('have no prototype but the usual one', () => {
    const over: unknown = JSON.parse(
      '{"__proto__":{"domain":"evil"},"mesos":{"__proto__":{"pollSeconds":1}}}',
    );
    const merged = mergeConfig(mergeConfig({ mesos: {} }, over), over);
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
    expect(Reflect.get({}, 'domain')).toBeUndefined();
    expect(refusal(merged)).toMatch(/unknown key .*__proto__/);
  });
});

describe('a JSON file', () => {
  it('is its content', async () => {
    expect(readJsonFile(await file('{"a":[1]}'))).toEqual({ a: [1] });
  });

  it.each(['', '{', "{'a':1}", '{"a":1} // x', '{"a":1,}'])(
    '%j is told not to be JSON, with its path',
    async (content) => {
      const path = await file(content);
      expect(() => readJsonFile(path)).toThrow(ConfigError);
      expect(() => readJsonFile(path)).toThrow(`${path} is not JSON: `);
    },
  );

  it('that is not there, or is a directory, is told with its path', () => {
    expect(() => readJsonFile('/nowhere/config.json')).toThrow(
      /^\/nowhere\/config\.json can not be read \(ENOENT\)$/,
    );
    expect(() => readJsonFile(tmpdir())).toThrow(/can not be read \(EISDIR\)$/);
    expect(() => readJsonFile('/nowhere/config.json')).toThrow(ConfigError);
  });

  // Root may read everything.
  it.skipIf(process.getuid?.() === 0)('that may not be read is told with its path', async () => {
    const path = await file('{}');
    await chmod(path, 0);
    expect(() => readJsonFile(path)).toThrow(/can not be read \(EACCES\)$/);
  });
});

function refusal(input: unknown): string {
  try {
    parseConfig(input, 'x.json');
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error(`${JSON.stringify(input)} was taken`);
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

async function file(content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'config.json');
  await writeFile(path, content);
  return path;
}

describe('a secret in the configuration', () => {
  it.each([
    [{ consul: { token: 'S3CRET' } }, 'consul.tokenFile names a file with it, or CONSUL_HTTP_TOKEN has it'],
    [{ mesos: { credentials: { principal: 'p', secret: 'S3CRET' } } }, 'or MESOS_SECRET has it'],
    [{ kv: { url: 'http://x', namespace: 'n', token: 'S3CRET' } }, 'CLOUDFLARE_API_TOKEN has it'],
    [{ aurora: { webhook: { port: 1, secret: 'S3CRET' } } }, 'or AURORA_WEBHOOK_SECRET has it'],
  ])('is refused with the place it has: %#', (input, place) => {
    const refused = (): unknown => parseConfig(input, 'c.json');
    expect(refused).toThrow(/^c\.json: unknown key [a-z.]+: a secret is never in this file; /);
    expect(refused).toThrow(place);
    expect(refused).not.toThrow('S3CRET');
  });
});
