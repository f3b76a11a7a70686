/** A stream that the client sends once, such as its standard input (moby/buildkit, session/upload). */
import type { ByteSource } from "../../bytes/index.ts";
import { bytes, message } from "../../rpc/index.ts";
import type { Session } from "../session/index.ts";

const method = "/moby.upload.v1.Upload/Pull";
const Piece = message({ data: bytes(1) });

const uploads = "http://buildkit-session/";

export function isUpload(context: string): boolean {
  return context.startsWith(uploads);
}

/** Asks for it when the first bytes are wanted. @param url `http://buildkit-session/ID` */
export async function* uploadOf(session: Session, url: string, signal: AbortSignal): ByteSource {
  session.require(method);
  const { pathname, host } = new URL(url);
  const metadata = { urlpath: pathname, urlhost: host };
  using pieces = session.client.open(method, Piece, Piece, { metadata, signal });
  pieces.end();
  for await (const { data } of pieces) yield data;
}
