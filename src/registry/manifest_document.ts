/**
 * What a registry reads in a manifest: its type and what it refers to. The bytes themselves are kept as they came, of
 * whatever type they are.
 */
import { isFailure } from "../errors.ts";
import { mediaTypes, parseDescriptor, parseJson, type Descriptor, type Digest } from "../oci/index.ts";
import { RegistryError } from "./registry_error.ts";

export interface ManifestDocument {
  readonly mediaType: string;
  /** Whether the bytes alone tell the type, as {@link typeToldBy} has it. */
  readonly typeTold: boolean;
  /** Blobs that must be there; layers with `urls` may live elsewhere. */
  readonly blobs: readonly Digest[];
  /** Manifests, or blobs, that must be there. */
  readonly manifests: readonly Digest[];
  readonly subject: Digest | undefined;
  /** What a list of referrers says of it. */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

const shapes: Readonly<Record<string, "manifest" | "index">> = {
  [mediaTypes.ociManifest]: "manifest",
  [mediaTypes.dockerManifest]: "manifest",
  [mediaTypes.ociIndex]: "index",
  [mediaTypes.dockerList]: "index",
};
/** What clients say that know nothing of the type. */
const generic = /^(?:|application\/(?:json|octet-stream|x-www-form-urlencoded)|text\/plain)$/;
const schema1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+/;

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a manifest that a client puts. Throws MANIFEST_INVALID for schema 1, for one whose type and bytes disagree, and
 * for an image manifest or index that is none; bytes of other types are not looked into for faults.
 * @param contentType the header, with or without parameters
 */
export function readManifest(bytes: Uint8Array, contentType: string | undefined): ManifestDocument {
  const sent = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const told = generic.test(sent) ? undefined : sent;
  const strict = told === undefined || told in shapes || schema1.test(told) || told.endsWith("+json");
  const document = jsonOf(bytes, strict);
  if (document === undefined) return opaque(told as string);
  const own = document["mediaType"];
  if (own !== undefined && (typeof own !== "string" || (told !== undefined && own !== told))) {
    throw invalid(`the manifest says it is ${JSON.stringify(own)?.slice(0, 200)}, the request ${told}`);
  }
  const mediaType = own ?? told ?? inferType(document);
  if (mediaType === undefined || schema1.test(mediaType) || document["schemaVersion"] === 1) {
    throw invalid(
      mediaType === undefined ? "neither manifest nor index" : "schema 1 is not accepted any more",
    );
  }
  const typeTold = own !== undefined || inferType(document) === mediaType;
  return { mediaType, typeTold, ...referencesOf(document, shapes[mediaType]) };
}

/** The type that stored bytes tell: their `mediaType`, or what their shape says; undefined: nothing. */
export function typeToldBy(bytes: Uint8Array): {
  readonly type: string | undefined;
  readonly certain: boolean;
} {
  const document = jsonOf(bytes, false);
  const own = document?.["mediaType"];
  if (typeof own === "string" && own !== "") return { type: own, certain: true };
  return { type: document && inferType(document), certain: false };
}

function jsonOf(bytes: Uint8Array, strict: boolean): Json | undefined {
  try {
    const value = parseJson(bytes, { what: "manifest" });
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  } catch (error) {
    if (strict && isFailure(error)) throw invalid(error.message);
  }
  if (strict) throw invalid("no JSON object");
  return undefined;
}

/** OCI documents may lack a mediaType (image spec, manifest.md). */
function inferType(document: Json): string | undefined {
  if (document["schemaVersion"] === 1) {
    const signed = Array.isArray(document["signatures"]);
    return `application/vnd.docker.distribution.manifest.v1+${signed ? "prettyjws" : "json"}`;
  }
  if (document["schemaVersion"] !== 2) return undefined;
  if ("manifests" in document) return mediaTypes.ociIndex;
  const config = document["config"] as Json | null | undefined;
  if (config === null || typeof config !== "object") return undefined;
  return config["mediaType"] === mediaTypes.dockerConfig ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
}

type References = Omit<ManifestDocument, "mediaType" | "typeTold">;

function referencesOf(document: Json, shape: "manifest" | "index" | undefined): References {
  if (shape === undefined) return { ...loose(document), blobs: [], manifests: [] };
  if (document["schemaVersion"] !== 2) throw invalid("schemaVersion is not 2");
  const both = "manifests" in document && ("config" in document || "layers" in document);
  // It could be read as either, so two clients would see two images (CVE-2021-41190).
  if (both) throw invalid("both a manifest and an index");
  const manifests = shape === "index" ? descriptorsIn(document["manifests"], "manifests") : [];
  const layers = shape === "manifest" ? descriptorsIn(document["layers"], "layers") : [];
  const blobs = layers.filter(({ urls }) => urls === undefined || urls === null || urls.length === 0);
  if (shape === "manifest") blobs.unshift(descriptorIn(document["config"], "config"));
  const subject = document["subject"] ?? undefined;
  return {
    ...loose(document),
    blobs: digestsOf(blobs),
    manifests: digestsOf(manifests),
    subject: subject && descriptorIn(subject, "subject").digest,
  };
}

/** What can be had of any document, whatever else it is. */
function loose(document: Json): Pick<References, "subject" | "artifactType" | "annotations"> {
  const { artifactType, annotations, config } = document;
  const configType = (config as Json | null | undefined)?.["mediaType"];
  const type = [artifactType, configType].find((text) => typeof text === "string" && text !== "");
  const entries = Object.entries(typeof annotations === "object" && annotations !== null ? annotations : {});
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return {
    subject: subjectOf(document),
    artifactType: type as string | undefined,
    annotations: texts.length > 0 ? Object.fromEntries(texts) : undefined,
  };
}

function subjectOf(document: Json): Digest | undefined {
  try {
    return parseDescriptor(document["subject"], "subject").digest;
  } catch {
    return undefined;
  }
}

function descriptorsIn(value: unknown, where: string): Descriptor[] {
  // Go writes an empty list as null.
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw invalid(`${where} is no list`);
  return value.map((item, i) => descriptorIn(item, `${where}[${i}]`));
}

function descriptorIn(value: unknown, where: string): Descriptor {
  try {
    return parseDescriptor(value, where);
  } catch (error) {
    if (isFailure(error)) throw invalid(error.message);
    throw error;
  }
}

function digestsOf(descriptors: readonly Descriptor[]): Digest[] {
  return [...new Set(descriptors.map(({ digest }) => digest))];
}

function opaque(mediaType: string): ManifestDocument {
  const nothing = { subject: undefined, artifactType: undefined, annotations: undefined };
  return { mediaType, typeTold: false, blobs: [], manifests: [], ...nothing };
}

function invalid(detail: string): RegistryError {
  return new RegistryError("MANIFEST_INVALID", [detail]);
}
