import { describe, expect, it } from 'vitest';
import { parseSettings, type Settings, UsageError } from '../../stub/settings.ts';

const URL = 'https://doh.example.com/t/mdt_secret/dns-query';

function settings(args: readonly string[], env: NodeJS.ProcessEnv = { MESOS_DOH_URL: URL }): Settings {
  const asked = parseSettings(args, env);
  return asked.kind === 'run' ? asked.settings : expect.fail('nothing to run');
}

describe('the stub’s settings', () => {
  it('are those of a stub on loopback for all names by default', () => {
    expect(settings([])).toMatchObject({
      url: { origin: 'https://doh.example.com', path: '/t/mdt_secret/dns-query', port: 443 },
      listen: [{ address: '127.0.0.1', port: 5354 }],
      isListenSaid: false,
      zones: [],
      token: undefined,
    });
  });

  it.for([
    ['127.0.0.2', '127.0.0.2', 5354],
    ['127.0.0.1:53', '127.0.0.1', 53],
    ['::1', '::1', 5354],
    ['[::1]', '::1', 5354],
    ['[::1]:53', '::1', 53],
  ] as const)('take --listen %s', ([text, address, port]) => {
    expect(settings(['--listen', text]).listen).toEqual([{ address, port }]);
  });

  it.for([
    ['https://h/dns-query{?dns}', 'h', 443, '/dns-query'],
    ['https://[::1]:8443/d?a=b', '::1', 8443, '/d?a=b'],
    ['http://localhost:8787/dns-query', 'localhost', 8787, '/dns-query'],
  ] as const)('take the URL %s', ([url, hostname, port, path]) => {
    expect(settings(['--url', url]).url).toMatchObject({ hostname, port, path });
  });

  it.for([
    [[], {}, /which DoH URL\? Set MESOS_DOH_URL, or say --url/],
    [['--url', 'doh.example.com/t/mdt_secret'], {}, /--url is no URL/],
    [['--url', 'ftp://h/mdt_secret'], {}, /should begin with https/],
    [['--url', 'http://10.0.0.1/mdt_secret'], {}, /plain http:\/\/ is for this machine alone/],
    [['--url', 'https://u:mdt_secret@h/'], {}, /has a user or password/],
    [['--listen', '0.0.0.0'], { MESOS_DOH_URL: URL }, /say --allow-remote/],
    [['--listen', '::'], { MESOS_DOH_URL: URL }, /say --allow-remote/],
    [['--listen', '10.0.0.1:53'], { MESOS_DOH_URL: URL }, /say --allow-remote/],
    [['--listen', 'localhost'], { MESOS_DOH_URL: URL }, /should be an address such as/],
    [['--listen', '127.0.0.1:70000'], { MESOS_DOH_URL: URL }, /should be an address such as/],
    [['--bootstrap', 'dns.example'], { MESOS_DOH_URL: URL }, /should be an IP address/],
    [['--bootstrap', '10.0.0.1'], { MESOS_DOH_URL: 'https://10.0.0.2/' }, /this one has an address/],
    [['--other', '10.0.0.1'], { MESOS_DOH_URL: URL }, /say which zones/],
    [['--zone', 'a..b'], { MESOS_DOH_URL: URL }, /--zone: .*empty label/],
    [
      ['--cache', '-1'],
      { MESOS_DOH_URL: URL },
      /^--cache takes a value that does not begin with a dash; see /,
    ],
    [['--cache'], { MESOS_DOH_URL: URL }, /^Option '--cache <value>' argument missing; see /],
    [['--zone', 'a', '--other', '127.0.0.1:0'], { MESOS_DOH_URL: URL }, /should be an address such as/],
    [['--cache=x'], { MESOS_DOH_URL: URL }, /whole number/],
    [['--max-questions', '0'], { MESOS_DOH_URL: URL }, /whole number from 1/],
    [['--metrics', '70000'], { MESOS_DOH_URL: URL }, /whole number from 0 to 65535/],
    [['--urll=https://h/mdt_secret'], {}, /Unknown option '--urll'/],
    [['https://h/mdt_secret'], {}, /no arguments without a flag/],
  ] as const)('refuse %j with %j', ([args, env, message]) => {
    const parse = (): unknown => parseSettings(args, env);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/mdt_secret/);
  });

  it('take what is said of zones, others and memory', () => {
    const args = ['--zone', 'Mesos.', '--zone', 'corp.example', '--other', '192.0.2.1', '--allow-remote'];
    const said = settings([...args, '--listen', '0.0.0.0:53', '--cache', '0'], {
      MESOS_DOH_URL: URL,
      MESOS_DOH_TOKEN: 'tok\n',
      STATE_DIRECTORY: '/var/lib/a:/var/lib/b',
    });
    expect(said).toMatchObject({
      other: { address: '192.0.2.1', port: 53 },
      token: 'tok',
      stateDir: '/var/lib/a',
      cacheEntries: 0,
    });
    expect(said.zones.map(({ wire }) => Buffer.from(wire).toString())).toEqual([
      '\u0005mesos\u0000',
      '\u0004corp\u0007example\u0000',
    ]);
  });
});
