/** A message that stands for itself, in a chunk of its own. */
import type { ServerResponse } from "node:http";

/**
 * Some clients take a chunk for a message (docker-py, `_stream_helper`), as it is with Docker, which flushes each. Node would
 * send all that is written in one turn of the event loop as one chunk, unless the socket is corked by somebody else.
 * @returns as `write`: whether there is room for more
 */
export function writeChunk(response: ServerResponse, text: string): boolean {
  const { socket } = response;
  socket?.cork();
  try {
    return response.write(text);
  } finally {
    socket?.uncork();
  }
}
