import { createMemorySink } from '../../../sync-agent/sinks/memory.ts';
import { sinkContract } from '../../contracts/sink.ts';

sinkContract('memory', async () => createMemorySink(), { manyKeys: 1200 });
