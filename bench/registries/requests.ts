/** What clients ask of a registry. The clients are programs of others, so that none of ours is what bounds it. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { mediaTypes, type Digest } from "../../src/oci/index.ts";
import { expect } from "../images/publish.ts";
import { run } from "../measure/program.ts";
import type { SampleBlob } from "./sample_blob.ts";

export interface RequestOptions {
  readonly work: string;
  readonly signal: AbortSignal;
}

/** Fails where the answer is no success. */
const curl = ["curl", "--silent", "--show-error", "--fail", "--output", "/dev/null"];
const octets = ["--header", "Content-Type: application/octet-stream", "--header", "Expect:"];

export async function getBlobs(
  urls: readonly string[],
  clients: number,
  { signal }: RequestOptions,
): Promise<void> {
  // As docker does: three at once of each client.
  const parallel = urls.length > 1 ? ["--parallel", "--parallel-max", "3"] : [];
  const accept = ["--header", `Accept: ${mediaTypes.dockerManifest}, */*`];
  const outputs = urls.slice(1).flatMap((url) => ["--output", "/dev/null", url]);
  const command = [...curl, ...accept, ...parallel, urls[0] as string, ...outputs];
  await Promise.all(Array.from({ length: clients }, () => run(command, { signal })));
}

/** A session and one PUT. */
export async function putBlob(
  repository: string,
  blob: SampleBlob,
  { signal }: RequestOptions,
): Promise<void> {
  const url = finishing(await startUpload(repository), blob.digest);
  await run([...curl, ...octets, "--upload-file", blob.file, url], { signal });
}

/** A session, one PATCH of a body whose length nobody said, and a PUT without bytes: docker's push. */
export async function patchBlob(
  repository: string,
  blob: SampleBlob,
  { signal, work }: RequestOptions,
): Promise<void> {
  const url = await startUpload(repository);
  const head = join(work, "patch-head");
  const how = ["--request", "PATCH", "--header", "Transfer-Encoding: chunked", "--dump-header", head];
  await run([...curl, ...octets, ...how, "--upload-file", blob.file, url], { signal });
  const location = /^location: (\S+)/im.exec(readFileSync(head, "latin1"))?.[1] ?? "";
  rmSync(head);
  await expect(
    await fetch(finishing(new URL(location, repository).href, blob.digest), { method: "PUT", signal }),
  );
}

/** Many GETs of one manifest over kept connections, by ab. */
export async function getManifests(
  url: string,
  { requests, connections }: { readonly requests: number; readonly connections: number },
  { signal }: RequestOptions,
): Promise<void> {
  const counts = ["-n", String(requests), "-c", String(connections)];
  await run(["ab", "-q", "-k", ...counts, "-H", `Accept: ${mediaTypes.dockerManifest}`, url], { signal });
}

async function startUpload(repository: string): Promise<string> {
  const begun = await expect(await fetch(`${repository}/blobs/uploads/`, { method: "POST" }));
  return new URL(begun.headers.get("location") ?? "", repository).href;
}

function finishing(location: string, digest: Digest): string {
  const url = new URL(location);
  url.searchParams.set("digest", digest);
  return url.href;
}
