import * as v from 'valibot';
import { readable } from './config-values.ts';
import { type FurtherRecords, parseTaskFact } from './records/further.ts';
import { AMBIGUOUS, parseReverseZone } from './records/reverse.ts';

/** Keys of `records` for what mesos-dns has not (docs/more-records.md). */
export const furtherEntries = {
  masterServices: v.optional(v.boolean()),
  agentNames: v.optional(v.boolean()),
  numberedPorts: v.optional(v.boolean()),
  groupServices: v.optional(v.boolean()),
  serviceBindings: v.optional(v.picklist(['none', 'labels', 'named-ports'])),
  txt: v.optional(v.array(readable(parseTaskFact))),
};

/** `reverse`: zones in which addresses lead back to names. */
export const reverseSchema = v.strictObject({
  zones: v.pipe(
    v.array(v.pipe(readable(parseReverseZone), v.transform(parseReverseZone))),
    v.minLength(1),
    v.check((zones) => new Set(zones).size === zones.length, 'should name each zone once'),
  ),
  ambiguous: v.optional(v.picklist(AMBIGUOUS), 'leave-out'),
});

type FurtherConfig = v.InferOutput<v.StrictObjectSchema<typeof furtherEntries, undefined>> & {
  readonly profile: string;
};

/** Undefined where none is asked for. In every profile but mesos-dns's own what can get in nobody's way is on. */
export function furtherRecords(records: FurtherConfig): FurtherRecords | undefined {
  const further: FurtherRecords = {
    masterServices: records.masterServices ?? records.profile !== 'mesos-dns',
    agentNames: records.agentNames ?? false,
    numberedPorts: records.numberedPorts ?? false,
    groupServices: records.groupServices ?? false,
    serviceBindings: records.serviceBindings ?? 'none',
    txt: (records.txt ?? []).map((fact) => parseTaskFact(fact)),
  };
  const { serviceBindings, txt, ...switches } = further;
  const isOn = Object.values(switches).includes(true) || serviceBindings !== 'none' || txt.length > 0;
  return isOn ? further : undefined;
}

/** What of `reverse` does not go together; undefined where all does. */
export function reverseProblem({
  reverse,
}: {
  readonly reverse?: v.InferOutput<typeof reverseSchema> | undefined;
}): string | undefined {
  const zones = reverse?.zones ?? [];
  for (const inner of zones) {
    const outer = zones.find((zone) => inner.endsWith(`.${zone}`));
    if (outer !== undefined)
      return `reverse.zones: ${inner} is in ${outer}, which has its pointers: leave one of them out`;
  }
  return undefined;
}
