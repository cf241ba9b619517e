/** A page as a browser reads it. */
export type Read = {
  readonly response: Response;
  readonly html: string;
  /** Text of the elements that a selector finds, white space folded. */
  readonly texts: (selector: string) => Promise<string[]>;
  readonly attributes: (selector: string) => Promise<Readonly<Record<string, string>>[]>;
};

export async function readPage(response: Response): Promise<Read> {
  const html = await response.text();
  return {
    response,
    html,
    texts: async (selector) => {
      const found: string[] = [];
      const open: number[] = [];
      await through(html, selector, {
        element: (element) => {
          const at = found.push('') - 1;
          open.push(at);
          // The parser tells of no end where there can be none.
          if (!/^(?:input|path|meta)$/.test(element.tagName)) element.onEndTag(() => void open.pop());
          else open.pop();
        },
        text: ({ text }) => {
          for (const at of open) found[at] = `${found[at]}${text}`;
        },
      });
      return found.map((text) => plain(text).replaceAll(/\s+/g, ' ').trim());
    },
    attributes: async (selector) => {
      const found: Record<string, string>[] = [];
      await through(html, selector, {
        element: ({ attributes }) =>
          void found.push(
            Object.fromEntries(Array.from(attributes, ([name = '', value = '']) => [name, plain(value)])),
          ),
      });
      return found;
    },
  };
}

async function through(
  html: string,
  selector: string,
  handlers: HTMLRewriterElementContentHandlers,
): Promise<void> {
  await new HTMLRewriter().on(selector, handlers).transform(new Response(html)).text();
}

/** HTMLRewriter leaves entities as they stand. */
function plain(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}
