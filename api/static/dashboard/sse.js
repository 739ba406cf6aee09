/** Server-sent events read from a fetch, which can carry a token as EventSource can't. */

/**
 * Cut a stream of text into events, as the HTML standard says (section 9.2.6).
 * @param {ReadableStream<Uint8Array>} body
 * @yields {{name: string, data: string, id: string|null}|null} null: something arrived, but no event: it is alive.
 */
export async function* events(body) {
  let rest = "";
  for await (const text of texts(body)) {
    const blocks = (rest + text).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    if (!blocks.length) yield null;
    for (const block of blocks) yield parsed(block);
  }
}

async function* texts(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function parsed(block) {
  const event = { name: "message", data: null, id: null };
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === "event") event.name = value;
    else if (field === "data") event.data = event.data === null ? value : `${event.data}\n${value}`;
    else if (field === "id") event.id = value;
  }
  return event.data === null ? null : event;
}
