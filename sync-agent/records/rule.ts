import type { RecordRule } from './record-set.ts';

/** What each rule says, for `explain`; `docs/record-names.md` has them as patterns. */
export const RULES: Readonly<Record<RecordRule, string>> = {
  leader: 'leader.<domain>: the addresses of the leading master',
  'leader-port': '_leader._tcp and _leader._udp: the leading master and its port',
  master: 'master.<domain>: the addresses of the leader and of every configured master',
  'master-number': "masterN.<domain>: the masters in the configured list's order",
  'name-server': "the name server's own addresses (records.nameServerAddresses, or mesos-dns's listener)",
  agent: 'slave.<domain>: the addresses of all agents',
  'agent-port': '_slave._tcp.<domain>: the agents and their ports',
  framework: "<framework>.<domain>: the addresses of the framework's scheduler",
  'framework-port': "_framework._tcp.<framework>.<domain>: the scheduler's port",
  'task-shared-name': '<task>.<framework>.<domain>: the addresses of all running tasks of this name',
  'task-shared-name-on-agent':
    '<task>.<framework>.slave.<domain>: the addresses of the agents that run tasks of this name',
  'task-instance-name': '<task>-<hash>-<agent>.<framework>.<domain>: the addresses of one task',
  'task-instance-name-on-agent':
    "<task>-<hash>-<agent>.<framework>.slave.<domain>: the addresses of one task's agent",
  'task-host-port':
    '_<task>._tcp and ._udp.<framework>.<domain>: the host ports of running tasks without discovery info',
  'task-host-port-on-agent':
    '_<task>._tcp and ._udp.<framework>.slave.<domain>: the host ports of running tasks',
  'discovery-port': '_<task>._<protocol>.<framework>.<domain>: the ports of the discovery info',
  'named-discovery-port':
    '_<port>._<task>._<protocol>.<framework>.<domain>: the named ports of the discovery info',
};
