import { benchAgent } from './agent.ts';
import { benchWorker } from './worker.ts';

/** `npm run bench`: every figure the docs quote, printed by the run that made it. */
const print = (line: string): void => void process.stdout.write(`${line}\n`);
await benchWorker(print);
print('');
await benchAgent(print);
