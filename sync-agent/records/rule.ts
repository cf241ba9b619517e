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
  'master-port': '_master._tcp and _master._udp: every master and its port (records.masterServices)',
  'agent-host-name': "<host name>.agent.<domain>: the agent's addresses (records.agentNames)",
  'numbered-port':
    '_portN._<task>._<protocol>.<framework>.<domain>: one port by its place, from 0 (records.numberedPorts)',
  'group-service':
    '_<service>._<protocol>.<group>.<framework>.<domain>: the ports of a task called <service>.<group> (records.groupServices)',
  'service-binding':
    'HTTPS and SVCB records: what is spoken on which port, by name or label (records.serviceBindings)',
  'task-metadata': 'TXT records: facts of the task (records.txt)',
  'static-record': 'a line of the zone file (staticRecords)',
  'task-tag': '<tag>.<task>.<framework>.<domain>: the addresses of the tasks of this name that have the tag',
  'task-tag-port':
    '_<tag>._<task>._<protocol>.<framework>.<domain>: the ports of the tasks, or the ports, that have the tag',
  'task-numbered-port':
    '<task>-port<n> and _<task>-port<n>._<protocol>.<framework>.<domain>: the tasks and their nth port',
  'task-alias': 'a further name that a label of the task gives it',
  'task-ttl': 'how long answers live, by label mesos-doh.ttl of a task that gives the name values',
  'dcos-agentip':
    '<task>.<framework>.agentip.dcos.thisdcos.directory: the addresses of the agents that run tasks of this name',
  'dcos-containerip':
    "<task>.<framework>.containerip.dcos.thisdcos.directory: the containers' addresses, from their network infos",
  'dcos-autoip':
    "<task>.<framework>.autoip.dcos.thisdcos.directory: the agent's address where a port of it leads into the container or the container has none, else the container's",
  'dcos-instance':
    '<task>-<hash>-<agent>.<framework>.agentip and .containerip.dcos.thisdcos.directory: the addresses of one task',
  'dcos-port':
    '_<task>._<protocol>.<framework>.agentip, .containerip and .autoip.dcos.thisdcos.directory: the ports, where they listen',
  'dcos-named-port':
    '_<port>._<task>._<protocol>.<framework>.agentip, .containerip and .autoip.dcos.thisdcos.directory: the named ports, where they listen',
  'dcos-vip':
    '<vip>.<framework>.l4lb.thisdcos.directory: the addresses of what is behind a VIP (label VIP_0: /name:port)',
  'dcos-vip-port':
    "_<vip>._<protocol> and _<the VIP's port>._<vip>._<protocol>.<framework>.l4lb.thisdcos.directory: the ports behind a VIP",
  'dcos-leader': 'leader.dcos.thisdcos.directory: the addresses of the leading master',
  'dcos-master': 'master.dcos.thisdcos.directory: the addresses of the leader and of every configured master',
  'server-set-shared-name':
    '<job>.<environment>.<role>.<framework>.<domain>: the addresses of all members of the ServerSet',
  'server-set-instance':
    '<shard>.<job>.<environment>.<role>.<framework>.<domain>: the address of one member of the ServerSet',
  'server-set-port':
    '_<job>.<environment>.<role>._tcp.<framework>.<domain>: the primary ports that the members announce',
  'server-set-alias':
    '_<alias>._<job>.<environment>.<role>._tcp.<framework>.<domain>: the named ports that the members announce',
};
