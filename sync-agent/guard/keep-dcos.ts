import { dcosFramework, dcosName, isVipName, readDcosInstance, vipOfService } from '../records/dcos-names.ts';
import type { RecordValue } from '../records/difference.ts';
import type { Instance } from '../records/instance.ts';
import { srvTarget, typeOf } from '../records/record-set.ts';
import { ADDRESS_TYPES, type Missing } from './missing.ts';
import type { ReadSource } from './source-read.ts';

/** What held tasks have of DC/OS's names, and their own ones among these, which SRV values lead to. */
export type KeptBeside = { readonly targets: ReadonlySet<string>; readonly values: readonly RecordValue[] };

/**
 * DC/OS's names are of other zones: the guard neither counts nor holds them for themselves, but a task that is held
 * keeps those it has, too.
 */
export function keptDcosValues(
  held: readonly Missing[],
  { published, next }: Pick<ReadSource, 'published' | 'next'>,
): KeptBeside {
  const tasks = new Set<string>();
  for (const { instance } of held) if (instance) tasks.add(taskKey(instance, instance.framework));
  const targets = new Map<string, readonly string[]>();
  const values = new Map<string, RecordValue>();
  const keep = (name: string, address: string): void => {
    const type = typeOf(address);
    if (next[type].get(name)?.includes(address) === true) return;
    if (published[type].get(name)?.includes(address) === true)
      values.set(`${name} ${address}`, { type, name, value: address });
  };
  for (const type of tasks.size > 0 ? ADDRESS_TYPES : []) {
    for (const [name, addresses] of published[type]) {
      const own = readDcosInstance(name);
      if (!own || !tasks.has(taskKey(own.instance, own.instance.framework))) continue;
      targets.set(name, [...(targets.get(name) ?? []), ...addresses]);
      const { label, framework } = own.instance;
      for (const address of addresses)
        for (const each of [name, dcosName(label, framework, own.site), dcosName(label, framework, 'autoip')])
          keep(each, address);
    }
  }
  for (const [service, led] of targets.size > 0 ? published.SRV : []) {
    if (!isVipName(service)) continue;
    for (const value of led)
      for (const address of targets.get(srvTarget(value)) ?? []) keep(vipOfService(service), address);
  }
  return { targets: new Set(targets.keys()), values: [...values.values()] };
}

/** The same of a task's names in either zone: DC/OS's have the framework as one label. */
function taskKey({ hash, tail }: Instance, framework: string): string {
  return `${hash} ${tail} ${dcosFramework(framework)}`;
}
