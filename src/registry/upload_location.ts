/**
 * Where an upload goes on. Ours needs no more than the session's ID; distribution wants its `_state` there: base64url of
 * an HMAC-SHA-256 and the JSON that it signs (distribution's `registry/handlers/hmac.go`).
 */
import { createHmac } from "node:crypto";

export interface UploadState {
  readonly name: string;
  readonly uuid: string;
  /** Bytes so far. */
  readonly size: number;
}

/** @param base origin, or a path for a relative URL @param secret distribution's `http.secret`; undefined: no state is told */
export function uploadLocation(base: string, state: UploadState, secret: string | undefined): string {
  const { name, uuid, size } = state;
  const location = `${base}/v2/${name}/blobs/uploads/${uuid}`;
  if (secret === undefined) return location;
  const text = JSON.stringify({ Name: name, UUID: uuid, Offset: size, StartedAt: new Date().toISOString() });
  const signature = createHmac("sha256", secret).update(text).digest();
  const token = Buffer.concat([signature, Buffer.from(text)])
    .toString("base64")
    .replaceAll("+", "-")
    .replaceAll("/", "_");
  return `${location}?_state=${encodeURIComponent(token)}`;
}
