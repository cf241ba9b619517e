declare namespace Cloudflare {
  // An interface, because the runtime's own types are added to.
  // eslint-disable-next-line typescript/consistent-type-definitions
  interface Env {
    readonly SNAPSHOTS: KVNamespace;
    readonly ZONES: string;
    readonly ACCESS: string;
    readonly UPSTREAMS: string;
    readonly VERIFY_KEYS: string;
  }
  // An interface for the same reason.
  // eslint-disable-next-line typescript/consistent-type-definitions
  interface GlobalProps {
    readonly mainModule: typeof import('../../worker/index.ts');
  }
}
