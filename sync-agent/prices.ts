/**
 * Cloudflare's published prices and free allowances, USD, as read on `PRICES_DATE`. To renew them: read the pages,
 * change the figures here, the date, and the tables of `docs/cost.md`.
 */
export const PRICES_DATE = '2026-11-20';

export const PRICE_PAGES = [
  'https://developers.cloudflare.com/workers/platform/pricing/',
  'https://developers.cloudflare.com/kv/platform/pricing/',
  'https://developers.cloudflare.com/kv/platform/limits/',
] as const;

/** What is counted. CPU in milliseconds, storage in GB (10^9 octets). */
export type Metered =
  'requests' | 'cpuMs' | 'kvReads' | 'kvWrites' | 'kvDeletes' | 'kvLists' | 'storageGigabytes';

/** The paid plan: a fixed sum, what it includes a month, and what a unit beyond costs. */
export const PAID_PLAN_USD = 5;
export const PAID: Readonly<Record<Metered, { readonly included: number; readonly usdPerUnit: number }>> = {
  requests: { included: 10e6, usdPerUnit: 0.3 / 1e6 },
  cpuMs: { included: 30e6, usdPerUnit: 0.02 / 1e6 },
  kvReads: { included: 10e6, usdPerUnit: 0.5 / 1e6 },
  kvWrites: { included: 1e6, usdPerUnit: 5 / 1e6 },
  kvDeletes: { included: 1e6, usdPerUnit: 5 / 1e6 },
  kvLists: { included: 1e6, usdPerUnit: 5 / 1e6 },
  storageGigabytes: { included: 1, usdPerUnit: 0.5 },
};

/** The free plan: what a day holds (till 00:00 UTC), after which operations fail. Storage at any time. */
export const FREE_PER_DAY: Readonly<Record<Exclude<Metered, 'cpuMs'>, number>> = {
  requests: 100_000,
  kvReads: 100_000,
  kvWrites: 1_000,
  kvDeletes: 1_000,
  kvLists: 1_000,
  storageGigabytes: 1,
};
