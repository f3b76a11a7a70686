/** Manifests and indexes, OCI and Docker schema 2 (OCI image spec, manifest.md and image-index.md). */
import { arrayAt, objectAt, optionalStringMap, wrong, type JsonObject } from "./check.ts";
import { mediaTypes, parseDescriptor, type Descriptor } from "./descriptor.ts";
import { parseJson } from "./go_json.ts";
import { Failure } from "../errors.ts";

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [unknown: string]: unknown;
}

export interface Index {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [unknown: string]: unknown;
}

export type ParsedManifest =
  | { readonly kind: "manifest"; readonly mediaType: string; readonly manifest: Manifest }
  | { readonly kind: "index"; readonly mediaType: string; readonly index: Index };

/** Registries take no larger manifests (distribution: `maxManifestBodySize`). Bytes. */
export const maxManifestBytes = 4 << 20;

const kinds: Record<string, "manifest" | "index"> = {
  [mediaTypes.ociManifest]: "manifest",
  [mediaTypes.dockerManifest]: "manifest",
  [mediaTypes.ociIndex]: "index",
  [mediaTypes.dockerList]: "index",
};

/**
 * Reads a manifest or an index. The objects keep all unknown fields; the exact bytes are the caller's to keep.
 *
 * @param mediaType what the transport said (Content-Type or descriptor); it must agree with the document.
 * Throws `Failure("unsupported")` for schema 1 and unknown types, `Failure("limit")` beyond 4 MiB or 64 levels,
 * `Failure("invalid")` for everything else that is wrong, also for a document that could be read as both kinds
 * (CVE-2021-41190).
 */
export function parseManifest(bytes: Uint8Array, mediaType?: string): ParsedManifest {
  const told = mediaType?.split(";")[0]?.trim().toLowerCase();
  const document = objectAt(parseJson(bytes, { maxBytes: maxManifestBytes, what: "manifest" }), "manifest");
  refuseSchema1(document, told);
  if (document["schemaVersion"] !== 2) wrong("manifest schemaVersion", document["schemaVersion"], "2");
  const type = settleType(document, told);
  optionalStringMap(document["annotations"], "manifest annotations");
  if (document["subject"] !== undefined && document["subject"] !== null) {
    parseDescriptor(document["subject"], "manifest subject");
  }
  if (kinds[type] === "index") {
    descriptors(document["manifests"], "index manifests");
    return { kind: "index", mediaType: type, index: document as unknown as Index };
  }
  parseDescriptor(document["config"], "manifest config");
  descriptors(document["layers"], "manifest layers");
  return { kind: "manifest", mediaType: type, manifest: document as unknown as Manifest };
}

function descriptors(value: unknown, where: string): void {
  for (const [i, item] of arrayAt(value, where).entries()) parseDescriptor(item, `${where}[${i}]`);
}

function refuseSchema1(document: JsonObject, told: string | undefined): void {
  const own = document["mediaType"];
  const schema1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+/;
  if (
    document["schemaVersion"] !== 1 &&
    !schema1.test(told ?? "") &&
    !(typeof own === "string" && schema1.test(own))
  ) {
    return;
  }
  throw new Failure(
    "unsupported",
    "cannot read manifest: image manifest version 2, schema 1 is not supported",
    {
      hint: "Pull and push the image again with Docker 1.10 to 27, which converts it to schema 2.",
    },
  );
}

/** The one media type on which document, transport and shape agree. */
function settleType(document: JsonObject, told: string | undefined): string {
  const own = document["mediaType"];
  const hasManifest = "config" in document || "layers" in document;
  const hasIndex = "manifests" in document;
  if (hasManifest && hasIndex) {
    throw new Failure(
      "invalid",
      "invalid manifest: it has both manifests and config or layers, so it is ambiguous",
    );
  }
  const shape = hasIndex ? "index" : "manifest";
  if (own !== undefined && typeof own !== "string") wrong("manifest mediaType", own, "a string");
  // Servers without knowledge of the type say application/json or octet-stream: that tells nothing.
  const transport = told !== undefined && told in kinds ? told : undefined;
  const type = (own as string | undefined) || transport || inferType(document, shape, told);
  if (!(type in kinds)) {
    throw new Failure("unsupported", `cannot read manifest: unsupported media type ${JSON.stringify(type)}`);
  }
  if (kinds[type] !== shape || (transport !== undefined && transport !== type)) {
    throw new Failure(
      "invalid",
      `invalid manifest: media type ${type}${transport === undefined || transport === type ? "" : `, sent as ${transport}`}, but the document is ${shape === "index" ? "an index" : "a manifest"}`,
    );
  }
  return type;
}

/** OCI documents may lack a mediaType (image spec, manifest.md); Docker's always have one. */
function inferType(document: JsonObject, shape: "manifest" | "index", told: string | undefined): string {
  const generic =
    told === undefined || told === "" || /^(application\/(json|octet-stream)|text\/plain)$/.test(told);
  if (!generic) return told;
  if (shape === "index") return mediaTypes.ociIndex;
  const config = document["config"];
  const docker =
    typeof config === "object" &&
    config !== null &&
    (config as JsonObject)["mediaType"] === mediaTypes.dockerConfig;
  return docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
}
