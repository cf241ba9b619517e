import { u16At } from '../zone/octets.ts';

/** DNS messages on a TCP stream: each behind its length in two octets (RFC 1035 §4.2.2, RFC 7766 §8). */

/** Puts messages together from chunks that are cut anywhere. */
export type FrameReader = {
  /** The messages that `chunk` completes, in order. They may be views of it. */
  readonly push: (chunk: Uint8Array) => Uint8Array[];
  /** Has a message begun that is not whole? */
  readonly isWithin: () => boolean;
};

const LENGTH_OCTETS = 2;
const NOTHING = new Uint8Array();

/** Holds at most one message that is not whole: 65,537 octets. */
export function createFrameReader(): FrameReader {
  /** Pieces of the message under way, its length in front. */
  let pieces: Uint8Array[] = [];
  let held = 0;
  return {
    push: (chunk) => {
      const messages: Uint8Array[] = [];
      let rest = chunk;
      while (rest.length > 0) {
        if (held === 0 && rest.length >= LENGTH_OCTETS) {
          const end = LENGTH_OCTETS + u16At(rest, 0);
          if (rest.length >= end) {
            messages.push(rest.subarray(LENGTH_OCTETS, end));
            rest = rest.subarray(end);
            continue;
          }
        }
        const take = Math.min(rest.length, wanted(pieces, held));
        // A copy: of a large chunk the little that is left over must not keep all.
        pieces.push(rest.slice(0, take));
        held += take;
        rest = rest.subarray(take);
        if (wanted(pieces, held) > 0) {
          if (pieces.length > MOST_PIECES) pieces = [joined(pieces, held)];
          continue;
        }
        messages.push(joined(pieces, held).subarray(LENGTH_OCTETS));
        pieces = [];
        held = 0;
      }
      return messages;
    },
    isWithin: () => held > 0,
  };
}

/** Whoever sends octet by octet does not get an object for each. */
const MOST_PIECES = 64;

/** Octets that are missing: of the length first, then of the message. */
function wanted(pieces: readonly Uint8Array[], held: number): number {
  if (held < LENGTH_OCTETS) return LENGTH_OCTETS - held;
  const [first = NOTHING, second = NOTHING] = pieces;
  const length = first.length >= LENGTH_OCTETS ? u16At(first, 0) : ((first[0] ?? 0) << 8) | (second[0] ?? 0);
  return LENGTH_OCTETS + length - held;
}

function joined(pieces: readonly Uint8Array[], octets: number): Uint8Array {
  const whole = new Uint8Array(octets);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** A message with its length in front, in one piece so that it leaves in one segment (RFC 7766 §8). */
export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(LENGTH_OCTETS + message.length);
  framed[0] = message.length >> 8;
  framed[1] = message.length;
  framed.set(message, LENGTH_OCTETS);
  return framed;
}
