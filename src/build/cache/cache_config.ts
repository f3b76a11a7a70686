/**
 * A build cache as it travels: an OCI manifest whose layers are those of the records' stacks, each once, and whose config
 * says which step has which of them:
 *
 *     { "version": 1, "layers": [diff ID of each layer of the manifest],
 *       "stacks": [{ "layer": number in layers, "below": number of an earlier stack, or -1 }],
 *       "records": [{ "key", "top": number in stacks, or -1, "made": its top layer is the step's own,
 *                     "description", "kind", "created" }] }
 *
 * So stacks are trees, in which each is as long as its entry and those below. An image has the same in its own config,
 * under the name {@link inlineMember}, with the image's own diff IDs as `layers`.
 */
import { Failure } from "../../errors.ts";
import { maximumDepth } from "../../image/index.ts";
import { chainId, isDigest, parseJson, type ChainId, type Digest, type DiffId } from "../../oci/index.ts";
import type { CacheRecord } from "../../store/index.ts";

export const cacheConfigType = "application/vnd.varve.buildcache.v1+json";
export const inlineMember = "varve.buildcache.v1";
/** Some 20,000 records. */
export const maxCacheConfigBytes = 8 << 20;
const version = 1;

/** One layer on a stack of others. */
export interface CachedLayer {
  readonly diffId: DiffId;
  readonly chainId: ChainId;
  readonly below?: CachedLayer;
}

/** A record with its stack, whose layers need not be here. */
export interface TravellingRecord extends Pick<CacheRecord, "key" | "description" | "kind" | "created"> {
  readonly top?: CachedLayer;
  /** The top layer is the step's own; else it changed nothing. */
  readonly made: boolean;
}

export interface CacheConfig {
  /** In the order of the manifest. */
  readonly layers: readonly DiffId[];
  readonly records: readonly TravellingRecord[];
}

/** `layers`: those that the records' stacks have, in the order of the manifest. */
export function encodeCacheConfig({ layers, records }: CacheConfig): object {
  const numbers = new Map(layers.map((diffId, i) => [diffId, i]));
  const stacks: { readonly layer: number; readonly below: number }[] = [];
  const known = new Map<ChainId, number>();
  const numberOf = (layer: CachedLayer | undefined): number => {
    if (layer === undefined) return -1;
    const found = known.get(layer.chainId);
    if (found !== undefined) return found;
    const below = numberOf(layer.below);
    known.set(layer.chainId, stacks.length);
    return stacks.push({ layer: numbers.get(layer.diffId) as number, below }) - 1;
  };
  const rows = records.map(({ key, top, made, description, kind, created }) => {
    return { key, top: numberOf(top), made, description, kind, created };
  });
  return { version, layers, stacks, records: rows };
}

/**
 * Reads the config of a cache from a stranger. Throws `Failure("invalid")`, `Failure("limit")` for what is too large, and
 * `Failure("unsupported")` for a version that is not known here.
 */
export function parseCacheConfig(bytes: Uint8Array): CacheConfig {
  return readCacheConfig(parseJson(bytes, { maxBytes: maxCacheConfigBytes, what: "build cache" }));
}

/** {@link parseCacheConfig} of what was read as JSON. */
export function readCacheConfig(value: unknown): CacheConfig {
  if (!isObject(value)) return wrong("it is no object");
  if (value["version"] !== version)
    throw new Failure(
      "unsupported",
      `cannot read build cache: unknown version ${JSON.stringify(value["version"])}`,
    );
  const layers = listOf(value, "layers").map((id) => (isSha256(id) ? (id as DiffId) : wrong("bad diff ID")));
  const stacks: { readonly layer: CachedLayer; readonly depth: number }[] = [];
  for (const item of listOf(value, "stacks")) stacks.push(stackOf(item, layers, stacks));
  return { layers, records: listOf(value, "records").map((item) => recordOf(item, stacks)) };
}

type Stack = { readonly layer: CachedLayer; readonly depth: number };

function stackOf(value: unknown, layers: readonly DiffId[], stacks: readonly Stack[]): Stack {
  const { layer, below } = isObject(value) ? value : {};
  const diffId = at(layers, layer);
  // Only earlier ones are there: no stack stands on itself.
  const under = at(stacks, below);
  if (diffId === undefined || (under === undefined && below !== -1)) return wrong("bad stack");
  const depth = (under?.depth ?? 0) + 1;
  if (depth > maximumDepth) throw new Failure("limit", "cannot read build cache: max depth exceeded");
  const chain = chainId(under?.layer.chainId, diffId);
  return { depth, layer: { diffId, chainId: chain, ...(under !== undefined && { below: under.layer }) } };
}

function recordOf(value: unknown, stacks: readonly Stack[]): TravellingRecord {
  const { key, top, made, description, kind, created } = isObject(value) ? value : {};
  const stack = at(stacks, top);
  const texts = [description, kind, created].every((text) => typeof text === "string" && text.length < 65536);
  if (!isSha256(key) || !texts || typeof made !== "boolean") return wrong("bad record");
  if (stack === undefined && (top !== -1 || made)) return wrong("bad record");
  return {
    key,
    made,
    description: description as string,
    kind: kind as string,
    created: created as string,
    ...(stack !== undefined && { top: stack.layer }),
  };
}

/** A number from a stranger may be a word: `length` is one of every list. */
function at<T>(list: readonly T[], index: unknown): T | undefined {
  return typeof index === "number" ? list[index] : undefined;
}

function listOf(value: Record<string, unknown>, name: string): unknown[] {
  const list = value[name];
  return Array.isArray(list) ? list : wrong(`${name} is no list`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSha256(value: unknown): value is Digest {
  return typeof value === "string" && value.startsWith("sha256:") && isDigest(value);
}

function wrong(reason: string): never {
  throw new Failure("invalid", `cannot read build cache: ${reason}`);
}
