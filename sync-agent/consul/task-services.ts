import { readInstance } from '../records/instance.ts';
import { createRecordSet, type RecordSet } from '../records/record-set.ts';

export type TaskServiceOptions = {
  /** Where the tasks are published, and where they are to be services; lower case, without a final dot. */
  readonly domain: string;
  readonly consulDomain: string;
};

const NUMBERED = /^(.+)-port\d+$/;
const PORT_NAME = /^(?:_([^.]+)\.)?_([^.]+)\._(?:tcp|udp)\.(.+)$/;
const ignore = (): void => undefined;

/**
 * Mesos's tasks as mesos-consul's users asked for them: `<task>.service.<domain>` whatever the framework, by tag too,
 * and in RFC 2782 form. From what is published: tasks are known by the names that they alone have. Pure.
 */
export function taskServices(records: RecordSet, { domain, consulDomain }: TaskServiceOptions): RecordSet {
  const { records: made, add } = createRecordSet(ignore);
  const services = sharedNames(records, domain);
  const zone = `${consulDomain}.`;
  /** `web`, `v1.web` or `web-port2` for a name that is a task's by its form; undefined for another. */
  const serviceOf = (name: string): string | undefined => {
    const label = services.get(name);
    if (label !== undefined) return label;
    const dot = name.indexOf('.');
    const [first, rest] = [name.slice(0, dot), name.slice(dot + 1)];
    const tagged = services.get(rest);
    if (tagged !== undefined && !first.startsWith('_')) return `${first}.${tagged}`;
    const [, numbered] = NUMBERED.exec(first) ?? [];
    return numbered !== undefined && services.has(`${numbered}.${rest}`) ? first : undefined;
  };
  for (const type of ['A', 'AAAA', 'MORE'] as const) {
    for (const [name, values] of records[type]) {
      const service = serviceOf(name);
      if (service === undefined) continue;
      for (const value of values) {
        if (type === 'MORE' && !value.startsWith('TTL ')) continue;
        add(type, `${service}.service.${zone}`, value);
      }
    }
  }
  for (const [name, values] of records.SRV) {
    const [, tag, label, rest] = PORT_NAME.exec(name) ?? [];
    const service = label === undefined ? undefined : serviceOf(`${label}.${rest}`);
    if (service === undefined || service.includes('.')) continue;
    const owners =
      tag === undefined
        ? [`${service}.service`, `_${service}._tcp.service`, `_${service}._tcp`]
        : [`${tag}.${service}.service`, `_${service}._${tag}.service`, `_${service}._${tag}`];
    for (const owner of owners) for (const value of values) add('SRV', `${owner}.${zone}`, value);
  }
  return made;
}

/** The names that tasks share, with their labels; those with dots have a cleaned form beside. */
function sharedNames({ A, AAAA }: RecordSet, domain: string): ReadonlyMap<string, string> {
  const shared = new Map<string, string>();
  for (const names of [A, AAAA]) {
    for (const name of names.keys()) {
      const instance = readInstance(name, domain);
      if (!instance || instance.label.includes('.')) continue;
      shared.set(`${instance.label}.${instance.framework}.${domain}.`, instance.label);
    }
  }
  return shared;
}
