import { isSearch, SEARCH_INSTANCES } from './app-catalogue.ts';
import type { SimulatedApp, SimulatedFramework } from './cluster-snapshot.ts';
import type { FrameworkPlan } from './framework-catalogue.ts';
import type { Random } from './random.ts';

/** A framework in this cluster, and what it was to be. */
export type Tenant = { readonly plan: FrameworkPlan; readonly framework: SimulatedFramework };

/** An app, and how many instances of it run at first. */
export type AppOrder = { readonly app: SimulatedApp; readonly instances: number };

type OrdersOptions = { readonly taskCount: number; readonly random: Random };

/** Apps and their instances until the tasks are spent: `search` first, and an app at least a framework. */
export function orderApps(tenants: readonly Tenant[], { taskCount, random }: OrdersOptions): AppOrder[] {
  const shareOf = (plan: FrameworkPlan) => Math.floor(plan.share * taskCount);
  const unshared = tenants.reduce((left, { plan }) => left - shareOf(plan), taskCount);
  const most = Math.min(Math.max(Math.floor(taskCount / 20), 6), 200);
  return tenants.flatMap(({ plan, framework }) => {
    let left = plan.share === 0 ? unshared : shareOf(plan);
    const orders: AppOrder[] = [];
    do {
      const index = orders.length;
      const app = { ...plan.app(index, random), framework };
      const instances = Math.min(left, instancesOf(app, { index, most, random }));
      orders.push({ app, instances });
      left -= instances;
    } while (left > 0);
    return orders;
  });
}

type InstancesOptions = { readonly index: number; readonly most: number; readonly random: Random };

/** Most apps have a few instances, some have many; the first of each framework has three. */
function instancesOf(app: SimulatedApp, { index, most, random }: InstancesOptions): number {
  if (app.single) return 1;
  if (isSearch(app)) return Math.min(Math.max(Math.ceil(most / 2), SEARCH_INSTANCES), 40);
  if (index === 0) return 3;
  return random.chance(0.03) ? random.int(1, most) : random.int(1, 5);
}
