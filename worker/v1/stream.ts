/** Text is sent on in pieces of about this many characters. */
const PIECE_CHARACTERS = 32 * 1024;

/**
 * Texts as one body, made while it is read: what is not read is not made. If the texts break off, so does the
 * body, in the middle: nobody takes a part for the whole. `onError` is told why.
 */
export function streamOf(
  texts: AsyncGenerator<string>,
  onError: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        let piece = '';
        while (piece.length < PIECE_CHARACTERS) {
          const { value, done } = await texts.next();
          if (done) {
            if (piece !== '') controller.enqueue(encoder.encode(piece));
            return controller.close();
          }
          piece += value;
        }
        controller.enqueue(encoder.encode(piece));
      } catch (error) {
        onError(error);
        controller.error(error);
      }
    },
    cancel: async () => {
      await texts.return(undefined);
    },
  });
}
