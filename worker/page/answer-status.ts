import { churnOf } from '../churn.ts';
import { healthOf } from '../health.ts';
import type { PageRequest } from '../page-request.ts';
import { servicesOf } from '../services.ts';
import { lookUpForPage } from './look-up.ts';
import { statusPage } from './status-page.ts';
import { systemOf } from './system.ts';
import { lacksToken, targetOf } from './target.ts';

/** `GET /`: reads what the view has and shows it. `name` and `type` ask a look-up, `filter` narrows the services. */
export async function answerStatus(request: Request, asked: PageRequest): Promise<Response> {
  const { access, base, search, view, loadShard, listings, waitUntil } = asked;
  const { options } = view;
  const parameters = new URLSearchParams(search);
  const [name, type] = [parameters.get('name') ?? '', parameters.get('type') ?? 'A'];
  const filter = parameters.get('filter') ?? '';
  const [lookUp, health, services, churn] = await Promise.all([
    name === '' ? undefined : lookUpForPage({ name, type }, options, asked),
    healthOf(access, options, waitUntil),
    servicesOf(view, { filter, loadShard, listings, waitUntil }),
    Promise.all(
      options.zones.map(async (zone) => {
        const held = await zone.reader.current(waitUntil);
        const churn = held && churnOf(held, options.now() / 1000, zone);
        return churn ? [{ origin: zone.origin, churn }] : [];
      }),
    ),
  ]);
  const isPart = (origin: string): boolean =>
    options.zones.some((zone) => zone.origin === origin && zone.subtrees !== undefined);
  return statusPage({
    health: { access, zones: health.zones.map((zone) => ({ ...zone, isPart: isPart(zone.origin) })) },
    lookUp,
    services,
    filter,
    churn: churn.flat(),
    connect: {
      target: targetOf(request, asked),
      lacksToken: lacksToken(asked),
      system: systemOf(request.headers.get('user-agent') ?? ''),
      base,
    },
    nowMs: options.now(),
  });
}
