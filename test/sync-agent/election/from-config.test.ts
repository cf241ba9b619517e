import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError, parseConfig } from '../../../sync-agent/config.ts';
import type { Election } from '../../../sync-agent/election/election.ts';
import { electionFrom } from '../../../sync-agent/election/from-config.ts';
import { createHttp } from '../../../sync-agent/http.ts';
import { sleepFor } from '../../../sync-agent/retry.ts';

function make(election: object): Election {
  const http = createHttp();
  onTestFinished(() => http.close());
  const config = parseConfig({ election, metrics: { port: 0 } }, 'a test');
  return electionFrom(config, { http, sleep: sleepFor, monotonicMs: () => performance.now() });
}

describe('the election a configuration names', () => {
  it.each([
    [{}, 'none'],
    [{ by: 'sink' }, 'sink'],
    [
      { by: 'peers', peers: ['http://10.0.0.1:9153', 'https://doh-2.example/agent?key=secret'] },
      'peers http://10.0.0.1:9153, https://doh-2.example',
    ],
    [
      { by: 'zookeeper', zk: 'zk://doh:secret@zk1,zk2:2182/doh/mesos/' },
      'zookeeper zk://zk1:2181,zk2:2182/doh/mesos',
    ],
  ])('%o is %s', (election, name) => {
    expect(make(election).name).toBe(name);
  });

  it('says what is wrong with a ZooKeeper URL, not its password', () => {
    const wrong = { by: 'zookeeper', zk: 'zk://doh:secret@zk1:what/doh' };
    expect(() => make(wrong)).toThrow(ConfigError);
    expect(() => make(wrong)).toThrow(/^election\.zk: .*server 1;/);
    expect(() => make(wrong)).not.toThrow(/secret/);
  });
});
