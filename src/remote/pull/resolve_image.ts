/** From a name to one image: HEAD the tag, GET the manifest, pass through indexes to the wanted platform. */
import type { ImageView } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import {
  familiarReference,
  formatPlatform,
  hostPlatform,
  isAttestation,
  parseManifest,
  selectPlatform,
  type Descriptor,
  type Digest,
  type Index,
  type Platform,
  type Reference,
} from "../../oci/index.ts";
import type { Connection } from "../connection.ts";
import { getManifest, headManifest, pullScope } from "./manifests.ts";
import { openBlob, type BlobPlace } from "./blob_source.ts";
import { refuseArtifact, remoteImage, type OpenRemoteBlob } from "./remote_image.ts";

/** An index may hold indexes; deeper nesting than this serves no one but an attacker. */
const maxDepth = 4;

export interface ResolveRequest {
  readonly platform?: Platform;
  /** What the name stands for, if that was asked already. */
  readonly descriptor?: Descriptor;
  /** Media type of a config that is taken as well, though what has it is no image. */
  readonly configType?: string;
  readonly signal: AbortSignal;
}

/**
 * The image behind a reference (behaviours B112, B113, B119). Throws `Failure("not-found")`,
 * `Failure("unsupported")` when no platform matches or for schema 1, `Failure("corrupt")` for a wrong digest.
 *
 * @param others where blobs are looked for if `connection`, a mirror, fails.
 */
export async function resolveImage(
  connection: Connection,
  ref: Reference,
  request: ResolveRequest,
  others: readonly Connection[] = [],
): Promise<ImageView> {
  const { signal } = request;
  const named =
    ref.digest ?? request.descriptor?.digest ?? (await headManifest(connection, ref, signal)).digest;
  let digest: Digest = named;
  for (let depth = 0; depth <= maxDepth; depth++) {
    const fetched = await getManifest(connection, ref, digest, signal);
    const parsed = parseManifest(fetched.bytes, fetched.descriptor.mediaType);
    const descriptor = { ...fetched.descriptor, mediaType: parsed.mediaType };
    if (parsed.kind === "manifest") {
      const open = blobOpener([connection, ...others], ref);
      refuseArtifact(ref, parsed.manifest, request.configType);
      return remoteImage(ref, { ...fetched, descriptor }, parsed.manifest, named, open);
    }
    digest = choose(parsed.index, request.platform, ref).digest;
  }
  throw new Failure("limit", `${familiarReference(ref)}: an index lies more than ${maxDepth} levels deep`);
}

function choose(index: Index, platform: Platform | undefined, ref: Reference): Descriptor {
  const wanted = platform ?? hostPlatform();
  const found = selectPlatform(index.manifests, wanted);
  if (found !== undefined) return found;
  const names = index.manifests.flatMap((item) =>
    item.platform === undefined || isAttestation(item) ? [] : [formatPlatform(item.platform)],
  );
  const hint =
    names.length === 0
      ? `${familiarReference(ref)} holds no image.`
      : `${familiarReference(ref)} has ${[...new Set(names)].join(", ")}: choose one with --platform.`;
  throw new Failure(
    "unsupported",
    `no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`,
    {
      hint,
    },
  );
}

/** Blobs come from where the manifest came from; foreign layers from their own URLs, if the registry has none. */
export function blobOpener(connections: readonly Connection[], ref: Reference): OpenRemoteBlob {
  return async (blob, options) => {
    const path = `/v2/${ref.path}/blobs/${blob.digest}`;
    const foreign = (blob.urls ?? []).filter((url) => /^https?:\/\//.test(url));
    const places = connections.map((connection): BlobPlace => ({
      connection,
      path,
      scopes: [pullScope(ref)],
    }));
    const elsewhere = foreign.map((url): BlobPlace => ({ ...(places[0] as BlobPlace), path: url }));
    return openBlob([...places, ...elsewhere], blob, options);
  };
}
