import { FormatError } from '../../zone/format-error.ts';
import type { ReportSkipped } from '../cluster.ts';
import { type Http, HttpError, type HttpResponse } from '../http.ts';
import type { Announced } from './aurora-stabilizer.ts';
import { announcedBy, readScheduledTask, RUNNING } from './aurora-tasks.ts';
import { numberOf, readReply, recordOf, recordsOf, structOf, textOf, writeCall } from './aurora-thrift.ts';
import { SourceError } from './source.ts';

export type AuroraApiOptions = {
  /** Base URLs of the schedulers, in the order they are tried. */
  readonly urls: readonly URL[];
  readonly http: Http;
  /** As `marathon-events` has it. */
  readonly header?: ((signal: AbortSignal, options: { renew: boolean }) => Promise<string>) | undefined;
  readonly timeoutMs: number;
  readonly maxOctets: number;
};

/** Since `getTasksStatus` has `executorConfig.data`, which `getTasksWithoutConfigs` leaves out. */
const METHOD = 'getTasksStatus';
/** `ResponseCode.OK` (aurora `api.thrift`). */
const OK = 1;
const MAX_REDIRECTS = 3;

/**
 * What all running tasks of Aurora announce, as its leading scheduler tells them: Thrift over HTTP, `POST /api` with
 * `getTasksStatus({statuses: {RUNNING}})` (aurora `api.thrift`, `ApiModule.java`). Throws `SourceError` where no
 * scheduler answers.
 */
export async function askScheduler(
  options: AuroraApiOptions,
  report: ReportSkipped,
  signal: AbortSignal,
): Promise<Announced[]> {
  const failures: string[] = [];
  for (const url of options.urls) {
    try {
      const response = await post(
        new URL(`${url.pathname.replace(/\/+$/, '')}/api`, url.origin),
        options,
        signal,
      );
      return readTasks(await response.json(), report);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof HttpError || error instanceof FormatError || error instanceof SourceError))
        throw error;
      failures.push(`${url.origin}: ${error.message}${advice(error)}`);
    }
  }
  throw new SourceError(`no Aurora scheduler tells its tasks: ${failures.join('; ')}`);
}

function readTasks(json: unknown, report: ReportSkipped): Announced[] {
  const response = readReply(METHOD, json);
  const code = numberOf(response, 1, 'responseCode');
  if (code !== OK) {
    const details = recordsOf(response, 6, 'details').map((each) =>
      textOf(structOf(each, 'detail'), 1, 'message'),
    );
    throw new SourceError(`answered with code ${code}: ${details.join('; ') || 'without a word'}`);
  }
  const status = recordOf(recordOf(response, 3, 'result') ?? {}, 3, 'scheduleStatusResult');
  // Without it nothing is said of tasks; an empty cluster has one that is empty.
  if (!status) throw new SourceError('answered OK without a scheduleStatusResult');
  const announced: Announced[] = [];
  for (const json of recordsOf(status, 1, 'tasks')) {
    try {
      const task = readScheduledTask(json);
      const each = task.isRunning ? announcedBy(task, report) : undefined;
      if (each) announced.push(each);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      report({ reason: 'aurora-task', detail: error.message });
    }
  }
  return announced;
}

/** The answer, wherever redirects lead: a scheduler that does not lead sends on to the one that does. */
async function post(start: URL, options: AuroraApiOptions, signal: AbortSignal): Promise<HttpResponse> {
  const { http, header, timeoutMs, maxOctets } = options;
  // A set of one 32-bit number: TaskQuery.statuses.
  const body = writeCall(METHOD, { 1: { rec: { 5: { set: ['i32', 1, RUNNING] } } } });
  let url = start;
  let renew = false;
  for (let hop = 0; ;) {
    const isSafe = url.protocol === 'https:' || start.protocol === 'http:';
    const credential = header && isSafe ? await header(signal, { renew }) : undefined;
    const response = await http.request({
      method: 'POST',
      url: url.href,
      headers: {
        'content-type': 'application/vnd.apache.thrift.json',
        accept: 'application/vnd.apache.thrift.json',
        ...(credential !== undefined && { authorization: credential }),
      },
      body,
      signal,
      timeoutMs,
      maxOctets,
    });
    const { status, headers } = response;
    const location = headers['location'];
    if ([301, 302, 307, 308].includes(status) && location !== undefined) {
      await response.discard();
      if (++hop > MAX_REDIRECTS) throw new SourceError(`redirects more than ${MAX_REDIRECTS} times`);
      url = redirected(url, location);
    } else if (status === 401 && credential !== undefined && !renew) {
      await response.discard();
      renew = true;
    } else if (status === 200) return response;
    else throw await response.refusal();
  }
}

function redirected(url: URL, location: string): URL {
  if (!URL.canParse(location, url.href))
    throw new SourceError(`redirects to ${JSON.stringify(location)}, which is no URL`);
  const target = new URL(location, url);
  if (target.protocol !== 'http:' && target.protocol !== 'https:')
    throw new SourceError(`redirects to ${target.protocol}, which is not HTTP`);
  return target;
}

/** What a person has to do before it can work; empty where trying again may help by itself. */
function advice(error: Error): string {
  const status = error instanceof HttpError ? error.status : undefined;
  if (status === 401 || status === 403) return '; the scheduler wants a user and password, or other ones';
  if (status === 404 || status === 405) return '; no Aurora scheduler is there: check the URL and its path';
  return '';
}
