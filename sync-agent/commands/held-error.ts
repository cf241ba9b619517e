/** Done, but for names that are missing from the cluster and stay published: exit code 3. */
export class HeldError extends Error {
  override readonly name = 'HeldError';

  constructor(names: number) {
    super(`${names} names are held back; if they are really gone: mesos-doh sync --force (docs/guard.md)`);
  }
}
