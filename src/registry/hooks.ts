/** What the registry tells of what was done in it, and whom it asks before. */
import type { Digest } from "../oci/index.ts";
import type { Identity } from "./access/types.ts";
import type { RegistryError } from "./registry_error.ts";

/** Who did it, and by which request. */
export interface RegistryActor {
  readonly identity: Identity;
  readonly requestId: string;
  readonly method: string;
  /** Address of the client; undefined for a socket without one. */
  readonly remoteAddress: string | undefined;
  readonly userAgent: string | undefined;
  /** `registry.example:5000`, as the client addressed us. */
  readonly host: string;
}

interface EventTarget {
  readonly repository: string;
  readonly digest: Digest;
  /** Bytes; undefined of what was deleted. */
  readonly size?: number;
  /** Of a blob `application/octet-stream`; undefined of what was deleted. */
  readonly mediaType?: string;
}

/** Something that happened, whole and durable. */
export type RegistryEvent = RegistryActor & { readonly time: Date } & (
    | (EventTarget & { readonly action: "push"; readonly kind: "blob" })
    | (EventTarget & {
        readonly action: "push";
        readonly kind: "manifest";
        readonly tag?: string;
        /** No bytes came: somebody let the tag lead to an earlier manifest again, or took it out of the trash. */
        readonly restored?: true;
      })
    | (EventTarget & { readonly action: "pull"; readonly kind: "blob" })
    | (EventTarget & { readonly action: "pull"; readonly kind: "manifest"; readonly tag?: string })
    | (EventTarget & { readonly action: "mount"; readonly kind: "blob"; readonly from?: string })
    | (EventTarget & { readonly action: "delete"; readonly kind: "blob" | "manifest" })
    | (EventTarget & { readonly action: "delete"; readonly kind: "tag"; readonly tag: string })
  );

export interface RegistryHooks {
  /** Called after the fact and not waited for; must not throw. A pull is told when its last byte is out. */
  onEvent?(event: RegistryEvent): void;
}

/** Bytes that a client is about to send. */
export interface UploadIntent {
  readonly repository: string;
  readonly actor: RegistryActor;
  readonly uploadId: string;
  /** Bytes that the session has. */
  readonly offset: number;
  /** Bytes that this request brings; undefined where the client does not say. */
  readonly size: number | undefined;
}

export interface UploadPermit {
  /** Most bytes that the whole session may come to; a client that sends more is refused with DENIED. */
  readonly maxBytes?: number;
  /** Called with the bytes that the session would come to, before each piece is stored; refuses by throwing `RegistryError`. */
  grow?(size: number): Promise<void> | void;
}

/** A blob that is about to become part of a repository. */
export interface BlobIntent {
  readonly repository: string;
  readonly actor: RegistryActor;
  readonly digest: Digest;
  readonly size: number;
  /** The upload that brought it; undefined of a mount. */
  readonly uploadId: string | undefined;
}

export interface ManifestIntent {
  readonly repository: string;
  readonly actor: RegistryActor;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** Tags that are to lead to it. */
  readonly tags: readonly string[];
  readonly subject: Digest | undefined;
}

export interface ManifestPermit {
  /**
   * Of the intent's tags those that may be made and not moved: one that somebody else has made meanwhile is refused with
   * DENIED, whichever instance that was.
   */
  readonly onlyNew?: readonly string[];
}

/** A manifest that is about to be given out; HEAD, too, asks for it. */
export interface PullIntent {
  readonly repository: string;
  readonly actor: RegistryActor;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** By which it was asked for; undefined: by its digest. */
  readonly tag: string | undefined;
  /** How the client would be refused if it wanted to push here; undefined: it may. */
  pushRefusal(): Promise<RegistryError | undefined>;
}

/** What a client says it is about to push: blobs, and a manifest that is to be pushed after them. */
export interface PushPlan {
  readonly repository: string;
  readonly actor: RegistryActor;
  /** With the bytes of each, as the registry has them or else as the client says; each once. */
  readonly blobs: readonly { readonly digest: Digest; readonly size: number }[];
  readonly manifest: { readonly digest: Digest; readonly size: number } | undefined;
  readonly tags: readonly string[];
}

export interface DeleteIntent {
  readonly repository: string;
  readonly actor: RegistryActor;
  readonly kind: "blob" | "manifest" | "tag";
  readonly digest: Digest;
  /** The tag, or all tags that go with the manifest. */
  readonly tags: readonly string[];
}

/** Each is asked before anything changes, or is given out, and refuses by throwing `RegistryError`, `DENIED` as a rule. */
export interface RegistryPolicy {
  /** Before anything of a push that the client tells in whole. Permits nothing: each step is asked for all the same. */
  beforePush?(plan: PushPlan): Promise<void>;
  /** Before a session begins, and before each body that it gets. */
  beforeUpload?(intent: UploadIntent): Promise<UploadPermit | undefined>;
  /** The session has ended, or did not begin, whether its blob was kept or not; may be told more than once. */
  uploadEnded?(uploadId: string, repository: string): Promise<void>;
  beforeBlob?(intent: BlobIntent): Promise<void>;
  beforeManifest?(intent: ManifestIntent): Promise<ManifestPermit | void>;
  /** Before a manifest is given out. */
  beforePull?(intent: PullIntent): Promise<void>;
  beforeDelete?(intent: DeleteIntent): Promise<void>;
}
