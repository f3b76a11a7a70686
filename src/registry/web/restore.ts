/** Brings back what was there: to the policy and to those who are told of events it is a push without bytes. */
import { isDigest, type Digest } from "../../oci/index.ts";
import { Failure } from "../../errors.ts";
import { actorOf } from "../exchange.ts";
import { restoreTag } from "../gc/history/tag_history.ts";
import { trashEntries } from "../gc/trash.ts";
import { undelete } from "../gc/undelete.ts";
import { typeToldBy, readManifest } from "../manifest_document.ts";
import { resolveTag } from "../manifest_store.ts";
import { RegistryError } from "../registry_error.ts";
import { paths } from "../tree.ts";
import type { View } from "./view.ts";

export interface Restoring {
  readonly name: string;
  /** Undefined: the manifest alone. */
  readonly tag: string | undefined;
  readonly digest: Digest;
  /** Where the tag is known from. */
  readonly from: "history" | "trash";
}

/** @throws Failure "not-found" if it is gone for good, "conflict" for a tag that exists; RegistryError of the policy */
export async function restore(view: View, { name, tag, digest, from }: Restoring): Promise<void> {
  const { core, storage, exchange } = view;
  const { signal } = exchange;
  const bytes = await manifestBytes(view, digest);
  if (bytes === undefined) throw new Failure("not-found", `${digest} is not in the trash any more`);
  const mediaType = typeToldBy(bytes).type ?? "application/octet-stream";
  const tags = tag === undefined ? [] : [tag];
  const intent = { repository: name, actor: actorOf(exchange), digest, mediaType, bytes, tags };
  const permit = await core.policy.beforeManifest?.({ ...intent, subject: subjectOf(bytes, mediaType) });
  if (tag !== undefined && permit?.onlyNew?.includes(tag) === true) await refuseMove(view, name, tag, digest);
  if (tag !== undefined && from === "history")
    await restoreTag(storage, name, tag, digest, { signal, record: false });
  else await undelete(storage, name, tag === undefined ? { digest } : { tag }, { signal });
  const told = { repository: name, digest, size: bytes.length, mediaType, restored: true as const };
  core.tell(exchange, { action: "push", kind: "manifest", ...told, ...(tag !== undefined && { tag }) });
}

async function refuseMove({ storage }: View, name: string, tag: string, digest: Digest): Promise<void> {
  const current = await resolveTag(storage, name, tag);
  if (current === undefined || current === digest) return;
  throw new RegistryError("DENIED", [{ tag }], {}, { message: `tag ${tag} must not be moved` });
}

async function manifestBytes({ core, storage }: View, digest: Digest): Promise<Uint8Array | undefined> {
  const path = paths.blob(digest);
  const bytes = await core.storage.read(path);
  if (bytes !== undefined) return bytes;
  const [entry] = await trashEntries(storage, path);
  return entry && storage.read(entry.place);
}

function subjectOf(bytes: Uint8Array, mediaType: string): Digest | undefined {
  try {
    const { subject } = readManifest(bytes, mediaType);
    return subject !== undefined && isDigest(subject) ? subject : undefined;
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}
