/** `GET|HEAD /v2/<name>/blobs/<digest>` with ranges (OCI distribution spec, "Pulling blobs"; behaviours B164). */
import type { Digest } from "../oci/index.ts";
import { answer, answerStream, type Exchange } from "./exchange.ts";
import { RegistryError } from "./registry_error.ts";
import type { ByteRange, RegistryStorage } from "./storage.ts";
import { paths, readLink } from "./tree.ts";

/** Size of a blob that the repository links; throws BLOB_UNKNOWN for any other. */
export async function linkedBlobSize(
  storage: RegistryStorage,
  name: string,
  digest: Digest,
): Promise<number | undefined> {
  const link = readLink(await storage.read(paths.layerLink(name, digest)));
  return link === undefined ? undefined : storage.size(paths.blob(link));
}

export async function linkBlob(storage: RegistryStorage, name: string, digest: Digest): Promise<void> {
  await storage.write(paths.layerLink(name, digest), Buffer.from(digest));
}

export async function answerBlob(exchange: Exchange, storage: RegistryStorage, name: string, digest: Digest) {
  const size = await linkedBlobSize(storage, name, digest);
  if (size === undefined) throw new RegistryError("BLOB_UNKNOWN", [digest]);
  const headers = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "max-age=31536000",
    "Content-Type": "application/octet-stream",
    "Docker-Content-Digest": digest,
    Etag: `"${digest}"`,
  };
  const wanted = exchange.fault?.kind === "ignore-range" ? undefined : exchange.request.headers.range;
  const range = parseRange(wanted, size);
  if (range === "unsatisfiable") {
    await answer(exchange, 416, { "Content-Range": `bytes */${size}` });
    return;
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  exchange.response.writeHead(range === undefined ? 200 : 206, {
    ...headers,
    "Content-Length": end - start + 1,
    ...(range && { "Content-Range": `bytes ${start}-${end}/${size}` }),
  });
  if (exchange.method === "HEAD" || size === 0) exchange.response.end();
  else await answerStream(exchange, storage.open(paths.blob(digest), { start, end }));
}

/** RFC 9110 section 14.2, one range only; several or malformed ones are overlooked, as the RFC permits. */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const [first, last] = [match[1] as string, match[2] as string];
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (start >= size) return "unsatisfiable";
  return start > end ? undefined : { start, end };
}
