/**
 * Storage in Amazon S3, or in anything that speaks its protocol. Parameters are distribution's (driver `s3`), and so is
 * what lies in the bucket, unfinished uploads included: `docker-registry` and varve can take turns on it.
 *
 * `conditionalwrites` is ours: `auto` (default; one probe), `true` or `false`. Without conditional puts (`If-None-Match: *`,
 * which Amazon, MinIO and Ceph have) `writeNew` is done by {@link putSettled}, which takes some time to be sure. Swift's
 * s3api has them, but looks before it writes: `false` is safer there.
 */
import { Failure } from "../../errors.ts";
import { awsCredentials, type AwsCredentials, type Environment } from "./s3/aws_credentials.ts";
import { keyPrefix, ObjectDriver } from "./objects/object_driver.ts";
import { leastPart } from "./s3/multipart_file.ts";
import { Parameters, type ParameterValues } from "./parameters.ts";
import { S3Client } from "./s3/s3_client.ts";
import { S3Store, type CopyLimits } from "./s3/s3_store.ts";
import { awsDialect } from "./s3/signature_v4.ts";
import type { StorageDriver } from "./types.ts";

const accessLists = [
  "private",
  "public-read",
  "public-read-write",
  "authenticated-read",
  "aws-exec-read",
  "bucket-owner-read",
  "bucket-owner-full-control",
] as const;

const mostPart = 5 * 1024 ** 3;

/** Throws `Failure("invalid")` for parameters that are wrong. */
export function openS3(values: ParameterValues, environment: Environment = process.env): StorageDriver {
  const parameters = new Parameters("s3", values);
  const region = parameters.required("region");
  const bucket = parameters.required("bucket");
  const configured = configuredCredentials(parameters);
  const userAgent = parameters.text("useragent");
  const options = {
    driver: "s3",
    dialect: awsDialect,
    base: baseUrl(parameters, region, bucket),
    bucket,
    region,
    credentials: awsCredentials({ environment, region, ...(configured === undefined ? {} : { configured }) }),
    objectHeaders: objectHeaders(parameters),
    ifAbsentHeader: ["If-None-Match", "*"] as const,
    skipVerify: parameters.flag("skipverify", false),
    ...(userAgent === undefined ? {} : { userAgent }),
  };
  const rootDirectory = parameters.text("rootdirectory") ?? "";
  const storeOptions = {
    chunkSize: parameters.integer("chunksize", 2 * leastPart, { least: leastPart, most: mostPart }),
    copy: copyLimits(parameters),
    probePrefix: keyPrefix(rootDirectory),
    conditionalWrites: parameters.oneOf("conditionalwrites", ["auto", "true", "false"] as const, "auto"),
  };
  if (!parameters.flag("v4auth", true)) {
    throw new Failure("unsupported", "storage.s3.v4auth is false: signatures of version 2 are not supported");
  }
  parameters.ignore("loglevel");
  parameters.end();
  return new ObjectDriver("s3", new S3Store(new S3Client(options), storeOptions), rootDirectory);
}

function configuredCredentials(parameters: Parameters): AwsCredentials | undefined {
  const [accessKey, secretKey] = [parameters.text("accesskey"), parameters.text("secretkey")];
  const sessionToken = parameters.text("sessiontoken");
  if (accessKey === undefined && secretKey === undefined) return undefined;
  if (accessKey !== undefined && secretKey !== undefined) return { accessKey, secretKey, sessionToken };
  const missing = accessKey === undefined ? "accesskey" : "secretkey";
  throw new Failure("invalid", `storage.s3.${missing} is missing beside its counterpart`);
}

/** Path style is the rule for an endpoint of one's own: its host has no names for buckets. */
function baseUrl(parameters: Parameters, region: string, bucket: string): URL {
  const endpoint = parameters.text("regionendpoint");
  const secure = parameters.flag("secure", true);
  const dual = parameters.flag("usedualstack", false) ? ".dualstack" : "";
  const accelerated = parameters.flag("accelerate", false);
  const pathStyle = parameters.flag("forcepathstyle", endpoint !== undefined);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket)) {
    throw new Failure("invalid", `storage.s3.bucket is not the name of a bucket: ${bucket}`);
  }
  const scheme = secure ? "https" : "http";
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const host = accelerated ? `s3-accelerate${dual}.${domain}` : `s3${dual}.${region}.${domain}`;
  const text = endpoint ?? host;
  const whole = /^https?:\/\//.test(text) ? text : `${scheme}://${text}`;
  if (!URL.canParse(whole)) {
    throw new Failure("invalid", `storage.s3.regionendpoint is not an address: ${text}`);
  }
  const url = new URL(whole);
  if (pathStyle) url.pathname = `${url.pathname.replace(/\/$/, "")}/${bucket}/`;
  else url.host = `${bucket}.${url.host}`;
  return url;
}

function objectHeaders(parameters: Parameters): Record<string, string> {
  const headers: Record<string, string> = {};
  const acl = parameters.oneOf("objectacl", accessLists, "private");
  if (acl !== "private") headers["x-amz-acl"] = acl;
  const storageClass = parameters.text("storageclass")?.toUpperCase();
  if (storageClass !== undefined && storageClass !== "NONE" && storageClass !== "STANDARD") {
    headers["x-amz-storage-class"] = storageClass;
  }
  const key = parameters.text("keyid");
  if (parameters.flag("encrypt", false)) {
    headers["x-amz-server-side-encryption"] = key === undefined ? "AES256" : "aws:kms";
    if (key !== undefined) headers["x-amz-server-side-encryption-aws-kms-key-id"] = key;
  }
  return headers;
}

/** Amazon copies in one step up to 5 GB; in parts it is faster above 32 MiB (distribution's measurement). */
function copyLimits(parameters: Parameters): CopyLimits {
  const most = mostPart;
  return {
    chunk: parameters.integer("multipartcopychunksize", 32 << 20, { least: leastPart, most }),
    concurrency: parameters.integer("multipartcopymaxconcurrency", 100, { least: 1 }),
    threshold: parameters.integer("multipartcopythresholdsize", 32 << 20, { least: 0, most }),
  };
}
