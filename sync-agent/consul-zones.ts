import { parseName } from '../zone/name.ts';
import type { AgentConfig } from './config.ts';
import { taskZoneName } from './config-consul.ts';
import { createTaskServiceKeeper, taskServices } from './consul/task-services.ts';
import type { DerivedZone } from './derived.ts';
import { zoneOf } from './record-settings.ts';

/** Mesos's tasks under Consul's names, where no Consul has that zone (profile `consul`). */
export function consulTaskZones(config: AgentConfig): readonly DerivedZone[] {
  const consulDomain = taskZoneName(config);
  if (consulDomain === undefined) return [];
  const { domain } = config;
  return [
    {
      zone: { ...zoneOf(config), origin: parseName(consulDomain) },
      derive: (records) => taskServices(records, { domain, consulDomain }),
      keep: () => createTaskServiceKeeper({ domain, consulDomain }),
    },
  ];
}
