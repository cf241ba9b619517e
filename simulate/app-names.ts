/** Those for whom apps run: Aurora's roles, and the `team` in Marathon's labels. */
export const TEAMS = ['www-data', 'ads', 'platform', 'mobile'];
const ENVIRONMENTS = ['prod', 'staging', 'devel'];
const SUBJECTS = [
  'billing',
  'orders',
  'media',
  'geo',
  'mail',
  'fraud',
  'cart',
  'session',
  'profile',
  'search-index',
];
const PARTS = ['api', 'web', 'worker', 'cache', 'gateway', 'feed', 'sync', 'admin', 'store'];

/** Another name for each index, the same whatever the seed: names are what examples are written with. */
export function serviceName(index: number): string {
  const partIndex = Math.floor(index / SUBJECTS.length);
  const round = Math.floor(partIndex / PARTS.length);
  const name = `${inTurn(SUBJECTS, index)}-${inTurn(PARTS, partIndex)}`;
  return round === 0 ? name : `${name}-${round + 1}`;
}

/** As people name their stages: a group of Marathon, the `env` of Aurora. */
export function environmentName(index: number): string {
  return inTurn(ENVIRONMENTS, index);
}

/** Each team in turn. */
export function teamName(index: number): string {
  return inTurn(TEAMS, index);
}

function inTurn(names: readonly string[], index: number): string {
  return names[index % names.length] ?? '';
}
