/** What a stored manifest leads to. Loose: a registry keeps types that it does not know. */
import { isDigest, type Digest } from "../../oci/index.ts";

export interface References {
  /** Config, layers, and blobs of other documents. */
  readonly blobs: readonly Digest[];
  readonly manifests: readonly Digest[];
  readonly subject: Digest | undefined;
}

/**
 * Reads OCI and Docker manifests and indexes, schema 1 (`fsLayers`) and OCI's former artifact manifests (`blobs`);
 * undefined if the bytes are no JSON object.
 */
export function referencesOf(bytes: Uint8Array): References | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { config, layers, blobs, fsLayers, manifests, subject } = value as Record<string, unknown>;
  const named = [[config], layers, blobs].flatMap((list) => digestsOf(list, "digest"));
  return {
    blobs: [...named, ...digestsOf(fsLayers, "blobSum")],
    manifests: digestsOf(manifests, "digest"),
    subject: digestsOf([subject], "digest")[0],
  };
}

function digestsOf(list: unknown, key: string): Digest[] {
  if (!Array.isArray(list)) return [];
  const values = list.map((item: unknown) => String((item as Record<string, unknown> | null)?.[key]));
  return values.filter(isDigest);
}
