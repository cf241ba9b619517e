import type { Bindings, MethodName } from '../env.ts';
import type { AccessKeysOptions } from './access-keys.ts';
import { createClientCertificates } from './client-certificates.ts';
import { createCloudflareAccess, parseCloudflareAccess } from './cloudflare-access.ts';
import type { Method } from './method.ts';

/** The ways of access that `ACCESS` names, in its order. Throws `FormatError` naming a variable that can't be used. */
export function methodsOf(
  names: readonly MethodName[],
  env: Bindings,
  options: AccessKeysOptions,
): ('tokens' | Method)[] {
  return names.map((name) => {
    switch (name) {
      case 'tokens':
        return name;
      case 'cloudflare-access':
        return createCloudflareAccess(parseCloudflareAccess(env), options);
      case 'client-certificates':
        return createClientCertificates();
    }
  });
}
