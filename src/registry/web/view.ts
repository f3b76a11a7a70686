/** What the makers of pages get. */
import type { Digest } from "../../oci/index.ts";
import type { RegistryCore } from "../core.ts";
import type { Exchange } from "../exchange.ts";
import type { StorageDriver } from "../storage/types.ts";
import type { BoundedCache } from "./bounded_cache.ts";
import type { FormToken } from "./forms.ts";
import type { LayerUsers } from "./layer_users.ts";
import type { Links } from "./links.ts";
import type { ManifestReader } from "./manifest_facts.ts";
import type { Visitor } from "./visitor.ts";

/** The same for all requests. */
export interface Shelf {
  readonly core: RegistryCore;
  /** Not guarded: looking takes nothing out of the trash. */
  readonly storage: StorageDriver;
  readonly links: Links;
  readonly manifests: ManifestReader;
  readonly users: LayerUsers;
  /** Bytes of blobs. */
  readonly sizes: BoundedCache<Digest, number>;
}

/** One request. */
export interface View extends Shelf {
  readonly exchange: Exchange;
  readonly visitor: Visitor;
  readonly token: FormToken;
  readonly query: URLSearchParams;
  /** As clients name us: `registry.example:5000`. */
  readonly host: string;
  readonly isTls: boolean;
}
