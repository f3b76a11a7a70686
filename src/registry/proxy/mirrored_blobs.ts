/** `GET|HEAD` of a blob of an upstream: from the storage, or from the upstream and into the storage at once. */
import { abortable } from "../../bytes/index.ts";
import type { Digest } from "../../oci/index.ts";
import { answerBlob, findBlob } from "../blobs.ts";
import { etagOf } from "../conditions.ts";
import { answer, answerStream, type Exchange } from "../exchange.ts";
import type { RegistryCore } from "../core.ts";
import type { WantedBlob } from "./blob_downloads.ts";
import { viaOf, type Upstream } from "./upstream.ts";

const blobType = "application/octet-stream";

export async function answerMirroredBlob(
  core: RegistryCore,
  exchange: Exchange,
  upstream: Upstream,
  name: string,
  digest: Digest,
): Promise<void> {
  const { watch, label } = upstream;
  if ((await findBlob(core.storage, name, digest)) !== undefined) {
    watch.counted(label, "blob", "hit");
    return answerBlob(core, exchange, name, digest);
  }
  const via = viaOf(exchange);
  try {
    const wanted = { core, name, digest, via };
    if (exchange.method === "HEAD") await answerHead(exchange, upstream, wanted);
    else await fetchBlob(exchange, upstream, wanted);
    watch.counted(label, "blob", "miss");
  } catch (error) {
    // A client that has gone has had what there was.
    watch.counted(label, "blob", exchange.signal.aborted ? "miss" : "failed");
    throw error;
  }
}

/** Who only asks does not make us fetch it. */
async function answerHead(
  exchange: Exchange,
  upstream: Upstream,
  { name, digest, via }: WantedBlob,
): Promise<void> {
  const path = `blobs/${digest}`;
  const found = await upstream.ask({ method: "HEAD", name, path, unknown: "BLOB_UNKNOWN", via });
  found.discard();
  const size = Number(found.headers["content-length"] ?? Number.NaN);
  const known = Number.isSafeInteger(size) && size >= 0 ? { "Content-Length": size } : {};
  await answer(exchange, 200, { ...headersOf(digest), ...known });
}

async function fetchBlob(exchange: Exchange, upstream: Upstream, wanted: WantedBlob): Promise<void> {
  const { core, name, digest } = wanted;
  // What its parts are is known when it is there.
  if (exchange.request.headers.range !== undefined) {
    await upstream.blobs.store(wanted);
    return answerBlob(core, exchange, name, digest);
  }
  const blob = await upstream.blobs.open(wanted);
  exchange.response.writeHead(200, { ...headersOf(digest), "Content-Length": blob.size });
  const { signal } = exchange;
  if (!(await answerStream(exchange, abortable(blob.read(signal), signal)))) return;
  const told = { repository: name, digest, size: blob.size, mediaType: blobType };
  core.tell(exchange, { action: "pull", kind: "blob", ...told });
}

function headersOf(digest: Digest): Record<string, string> {
  return {
    "Accept-Ranges": "bytes",
    "Cache-Control": "max-age=31536000, immutable",
    "Content-Type": blobType,
    "Docker-Content-Digest": digest,
    Etag: etagOf(digest),
  };
}
