// An interface, because the runtime's own type is added to.
// eslint-disable-next-line typescript/consistent-type-definitions
interface ImportMeta {
  /** Vite's: the modules whose paths match, loaded. */
  readonly glob: (
    pattern: string,
    options: { readonly eager: true; readonly import: 'default'; readonly query?: '?raw' },
  ) => Readonly<Record<string, unknown>>;
}
