/** Bytes of a signature. */
import type { Digest } from "../../oci/index.ts";
import { findBlob } from "../blobs.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths } from "../tree.ts";
import { invalidSignature } from "./signature_failure.ts";

/** Bytes of what is signed, with certificates and log entries beside it. */
const largestLayer = 1 << 20;

/** @throws Failure "unauthorized" for a blob that is not there, or too large */
export async function readLayer(storage: StorageDriver, repository: string, digest: Digest): Promise<Buffer> {
  const blob = await findBlob(storage, repository, digest);
  if (blob === undefined) throw invalidSignature("lacks its blob");
  if (blob.size > largestLayer) throw invalidSignature(`is larger than ${largestLayer} bytes`);
  return Buffer.from((await storage.read(paths.blob(blob.target))) ?? []);
}
