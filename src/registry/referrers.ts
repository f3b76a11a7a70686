/**
 * `GET /v2/<name>/referrers/<digest>` (OCI distribution spec, "Listing Referrers", "Enabling the Referrers API"; behaviours
 * B167).
 */
import { mediaTypes, type Digest } from "../oci/index.ts";
import type { RegistryCore } from "./core.ts";
import { answer, type Exchange } from "./exchange.ts";
import { readManifest } from "./manifest_document.ts";
import { readRevision } from "./manifest_store.ts";
import { RegistryError } from "./registry_error.ts";

/** Bytes of descriptors in one answer: clients take no longer index than 4 MiB. */
const pageBytes = 3 << 20;

/** A line in the list of referrers. */
export interface Referrer {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export async function answerReferrers(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
  subject: Digest,
): Promise<void> {
  const wanted = exchange.query.get("artifactType") || undefined;
  const last = exchange.query.get("last") ?? "";
  const digests = await allReferrers(core, name, subject);
  const manifests: Referrer[] = [];
  let bytes = 0;
  let more = false;
  for (const digest of digests.filter((each) => each > last)) {
    const referrer = await referrerOf(core, name, digest);
    if (referrer === undefined || (wanted !== undefined && referrer.artifactType !== wanted)) continue;
    bytes += JSON.stringify(referrer).length;
    more = bytes > pageBytes && manifests.length > 0;
    if (more) break;
    manifests.push(referrer);
  }
  const next = new URLSearchParams({ last: manifests.at(-1)?.digest ?? "" });
  if (wanted !== undefined) next.set("artifactType", wanted);
  const headers = {
    "Content-Type": mediaTypes.ociIndex,
    ...(wanted !== undefined && { "OCI-Filters-Applied": "artifactType" }),
    ...(more && { Link: `<${exchange.path}?${next}>; rel="next"` }),
  };
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  await answer(exchange, 200, headers, JSON.stringify(index));
}

/**
 * Manifests with this subject, sorted. What clients list under the subject's tag where there is no such API ("Referrers Tag
 * Schema") counts if it has the subject, too, and then it is among these: each manifest of the repository was read.
 */
export async function allReferrers(
  { referrers }: Pick<RegistryCore, "referrers">,
  name: string,
  subject: Digest,
): Promise<Digest[]> {
  return referrers.of(name, subject);
}

async function referrerOf(core: RegistryCore, name: string, digest: Digest): Promise<Referrer | undefined> {
  const manifest = await readRevision(core.storage, name, digest);
  if (manifest === undefined) return undefined;
  const { mediaType, bytes } = manifest;
  try {
    const { artifactType, annotations } = readManifest(bytes, mediaType);
    const told = { ...(artifactType !== undefined && { artifactType }), ...(annotations && { annotations }) };
    return { mediaType, digest, size: bytes.length, ...told };
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}
