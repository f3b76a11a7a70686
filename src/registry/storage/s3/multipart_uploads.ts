/** Multipart uploads that are under way, as the store knows them. */
import { inParallel } from "../objects/in_parallel.ts";
import { childrenOf, textOf } from "../objects/xml.ts";
import { need, type S3Client } from "./s3_client.ts";

export interface MultipartUpload {
  readonly key: string;
  readonly id: string;
}

export interface Part {
  readonly number: number;
  readonly etag: string;
  readonly size: number;
}

/** All whose keys begin so. */
export async function listUploads(client: S3Client, prefix: string): Promise<MultipartUpload[]> {
  const uploads: MultipartUpload[] = [];
  let marker: Record<string, string> = {};
  for (;;) {
    const { document } = await client.send({ method: "GET", query: { uploads: "", prefix, ...marker } });
    if (document === undefined) return uploads;
    for (const element of childrenOf(document, "Upload")) {
      uploads.push({ key: need(element, "Key"), id: need(element, "UploadId") });
    }
    if (textOf(document, "IsTruncated") !== "true") return uploads;
    marker = { "key-marker": need(document, "NextKeyMarker") };
    const id = textOf(document, "NextUploadIdMarker");
    if (id !== undefined && id !== "") marker["upload-id-marker"] = id;
  }
}

/** In the order of their numbers. Undefined if there is no such upload (any more). */
export async function listParts(client: S3Client, { key, id }: MultipartUpload): Promise<Part[] | undefined> {
  const parts: Part[] = [];
  let marker: Record<string, string> = {};
  for (;;) {
    const query = { uploadId: id, ...marker };
    const { status, document } = await client.send({ method: "GET", key, query, expect: [404] });
    if (status === 404 || document === undefined) return undefined;
    for (const element of childrenOf(document, "Part")) {
      const [number, size] = [Number(need(element, "PartNumber")), Number(need(element, "Size"))];
      parts.push({ number, size, etag: need(element, "ETag") });
    }
    if (textOf(document, "IsTruncated") !== "true") break;
    marker = { "part-number-marker": need(document, "NextPartNumberMarker") };
  }
  return parts.sort((a, b) => a.number - b.number);
}

/** Begins one. Of others of the same key nothing is known. */
export async function createUpload(client: S3Client, key: string): Promise<MultipartUpload> {
  return (await create(client, key)).upload;
}

/** Begins the only one of its key: an attempt that was done without our hearing of it has left another one. */
export async function createOnlyUpload(client: S3Client, key: string): Promise<MultipartUpload> {
  const { upload, attempt } = await create(client, key);
  if (attempt > 1) {
    for (const other of await listUploads(client, key)) {
      if (other.key === key && other.id !== upload.id) await abortUpload(client, other);
    }
  }
  return upload;
}

async function create(client: S3Client, key: string): Promise<{ upload: MultipartUpload; attempt: number }> {
  const headers = { "Content-Type": "application/octet-stream", ...client.options.objectHeaders };
  const { document, attempt } = await client.send({ method: "POST", key, query: { uploads: "" }, headers });
  return { upload: { key, id: need(document, "UploadId") }, attempt };
}

/** One that has gone already is no error. */
export async function abortUpload(client: S3Client, { key, id }: MultipartUpload): Promise<void> {
  await client.send({ method: "DELETE", key, query: { uploadId: id }, expect: [404] });
}

/** Aborts those of the key itself and of all keys below it; `a` does not take `ab` with it. */
export async function dropUploads(client: S3Client, key: string): Promise<void> {
  const uploads = (await listUploads(client, key)).filter(
    (upload) => key === "" || upload.key === key || upload.key.startsWith(`${key}/`),
  );
  await inParallel(uploads, 8, (upload) => abortUpload(client, upload));
}
