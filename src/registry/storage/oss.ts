/**
 * Storage in Alibaba Cloud's OSS. Its API has S3's shape (multipart uploads included), with header names and a signature
 * of its own; parameters and objects are those of distribution 2's driver `oss`.
 * Source: OSS Developer Reference, "API operations" and "Signature version 4".
 */
import { Failure } from "../../errors.ts";
import { ObjectDriver } from "./objects/object_driver.ts";
import { Parameters, type ParameterValues } from "./parameters.ts";
import { leastPart } from "./s3/multipart_file.ts";
import { S3Client } from "./s3/s3_client.ts";
import { S3Store } from "./s3/s3_store.ts";
import { ossDialect } from "./s3/signature_v4.ts";
import type { StorageDriver } from "./types.ts";

/** Throws `Failure("invalid")` for parameters that are wrong. */
export function openOss(values: ParameterValues): StorageDriver {
  const parameters = new Parameters("oss", values);
  const credentials = {
    accessKey: parameters.required("accesskeyid"),
    secretKey: parameters.required("accesskeysecret"),
    sessionToken: parameters.text("securitytoken"),
  };
  const region = parameters.required("region");
  const bucket = parameters.required("bucket");
  const pathStyle = parameters.flag("forcepathstyle", false);
  const client = new S3Client({
    driver: "oss",
    dialect: ossDialect(pathStyle ? undefined : bucket),
    base: baseUrl(parameters, region, { bucket, pathStyle }),
    bucket,
    // Regions are named `oss-cn-hangzhou` in addresses, and `cn-hangzhou` in signatures.
    region: region.replace(/^oss-/, ""),
    credentials: async () => credentials,
    objectHeaders: encryption(parameters),
    ifAbsentHeader: ["x-oss-forbid-overwrite", "true"],
  });
  const chunkSize = parameters.integer("chunksize", 2 * leastPart, { least: leastPart });
  const rootDirectory = parameters.text("rootdirectory") ?? "";
  parameters.end();
  // "CopyObject": up to 1 GB for certain, in parts above.
  const copy = { threshold: 512 << 20, chunk: 64 << 20, concurrency: 16 };
  const store = new S3Store(client, { chunkSize, copy, probePrefix: "", conditionalWrites: "true" });
  return new ObjectDriver("oss", store, rootDirectory);
}

/** `endpoint` takes the place of region and bucket; it is spoken to as it is, as distribution has it. */
function baseUrl(
  parameters: Parameters,
  region: string,
  { bucket, pathStyle }: { readonly bucket: string; readonly pathStyle: boolean },
): URL {
  const internal = parameters.flag("internal", false) ? "-internal" : "";
  const scheme = parameters.flag("secure", true) ? "https" : "http";
  const endpoint = parameters.text("endpoint");
  const location = region.startsWith("oss-") ? region : `oss-${region}`;
  const host = endpoint ?? `${bucket}.${location}${internal}.aliyuncs.com`;
  const text = /^https?:\/\//.test(host) ? host : `${scheme}://${host}`;
  if (!URL.canParse(text)) throw new Failure("invalid", `storage.oss.endpoint is not an address: ${host}`);
  const url = new URL(text);
  if (pathStyle) url.pathname = `/${bucket}/`;
  return url;
}

function encryption(parameters: Parameters): Record<string, string> {
  const key = parameters.text("encryptionkeyid");
  if (!parameters.flag("encrypt", false)) return {};
  if (key === undefined) return { "x-oss-server-side-encryption": "AES256" };
  return { "x-oss-server-side-encryption": "KMS", "x-oss-server-side-encryption-key-id": key };
}
