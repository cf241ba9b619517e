import { buildWorkerIfNeeded } from '../sync-agent/local/project.ts';

/** The system tests run the Worker as it is deployed. */
export default async function setup(): Promise<void> {
  await buildWorkerIfNeeded();
}
