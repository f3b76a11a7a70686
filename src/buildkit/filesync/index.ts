import type { ByteSource } from "../../bytes/index.ts";
import type { Session } from "../session/index.ts";
import type { FilesPlace } from "./send_files.ts";

export { clientContext, clientTree, readClientFile } from "./client_context.ts";
export { goMode, Stat } from "./packets.ts";
export { sendStream } from "./send_stream.ts";

/** See `send_files.ts`, which stands on the builder's modules. */
export async function sendFiles(session: Session, tar: ByteSource, place: FilesPlace): Promise<void> {
  return (await import("./send_files.ts")).sendFiles(session, tar, place);
}
