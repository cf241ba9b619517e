import { benchAgent } from './agent.ts';

/** `npm run bench`: every figure the docs quote, printed by the run that made it. */
const print = (line: string): void => void process.stdout.write(`${line}\n`);
await benchAgent(print);
