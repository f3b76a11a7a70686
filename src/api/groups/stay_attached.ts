/** How a client's connection and its hold on a container's streams, or on those of an exec, end together. */
import type { Duplex } from "node:stream";
import type { Attachment } from "../../engine/index.ts";

/**
 * Resolves when either has ended.
 * @param hasInput whether the container reads from the connection
 */
export async function stayAttached(
  connection: Duplex,
  attachment: Attachment,
  hasInput: boolean,
): Promise<void> {
  connection.once("close", () => attachment.close());
  // The client may have gone before it was attached.
  if (connection.destroyed) attachment.close();
  // Without input its end is how we learn that the client has gone.
  if (!hasInput) connection.resume();
  await attachment.ended;
  connection.end();
}
