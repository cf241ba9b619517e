import type { Target } from '../../connect/kit.ts';
import { DOH_PATH, type PageRequest } from '../page-request.ts';

/** What stands in the kits for a token that a visitor did not bring along in the path. */
const NO_TOKEN = '/t/TOKEN';

/** Clients can't send headers, nor sign in: where credentials are asked for they need a token in their path. */
export function lacksToken({ access, base }: Pick<PageRequest, 'access' | 'base'>): boolean {
  return access !== 'open' && base === '';
}

/** The resolver as a visitor's device is to ask it. */
export function targetOf(request: Request, asked: Pick<PageRequest, 'access' | 'base' | 'view'>): Target {
  const { base, view } = asked;
  const before = lacksToken(asked) ? NO_TOKEN : base;
  return {
    dohUrl: new URL(before + DOH_PATH, request.url).href,
    zones: view.options.zones.map(({ origin }) => origin),
    forwards: view.options.upstream !== undefined,
  };
}
