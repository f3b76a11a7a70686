/** A record as bytes. */
import { Failure, isFailure } from "../../errors.ts";
import { isDigest, parseJson, type ChainId, type Digest, type DiffId } from "../../oci/index.ts";
import type { CacheRecord } from "./types.ts";

/** Of one record. Facts are for people: a record whose facts take more is kept without them. */
const maxBytes = 64 << 10;
const version = 1;

/** Throws `Failure("invalid")` for a record that could not be read again. */
export function encodeRecord(record: CacheRecord): string {
  const whole = JSON.stringify({ version, ...record });
  const isShort = Buffer.byteLength(whole) <= maxBytes;
  const text = isShort ? whole : JSON.stringify({ version, ...record, facts: undefined });
  if (decodeRecord(record.key, Buffer.from(text)) === undefined)
    throw new Failure("invalid", `cannot keep the record of ${JSON.stringify(record.description)}`);
  return text;
}

/** Undefined unless the bytes are all of the record of `key`, of a version that we know. */
export function decodeRecord(key: Digest, bytes: Uint8Array): CacheRecord | undefined {
  let found: unknown;
  try {
    found = parseJson(bytes, { maxBytes });
  } catch (error) {
    if (isFailure(error)) return undefined;
    throw error;
  }
  if (!isObject(found) || found["version"] !== version || found["key"] !== key) return undefined;
  const { top, layer, description, created, kind, facts } = found;
  if (![description, created, kind].every((text) => typeof text === "string")) return undefined;
  if (top !== undefined && !isSha256(top)) return undefined;
  const made = layer === undefined ? undefined : layerOf(layer, top);
  if (layer !== undefined && made === undefined) return undefined;
  return {
    key,
    ...(top !== undefined && { top: top as ChainId }),
    ...(made !== undefined && { layer: made }),
    description: description as string,
    created: created as string,
    kind: kind as string,
    ...(facts !== undefined && { facts }),
  };
}

/** A step's own layer is the top of its stack. */
function layerOf(value: unknown, top: unknown): CacheRecord["layer"] {
  if (!isObject(value)) return undefined;
  const { diffId, chainId, size } = value;
  if (!isSha256(diffId) || chainId !== top || !Number.isSafeInteger(size)) return undefined;
  return { diffId: diffId as DiffId, chainId: chainId as ChainId, size: size as number };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSha256(value: unknown): value is Digest {
  return typeof value === "string" && value.startsWith("sha256:") && isDigest(value);
}
