/** One name that a layer has something to say about. */
import type { ByteString } from "../../byte_string.ts";

/** Paths are those inside the layer, without a leading slash. */
export type LayerItem =
  /** `again`: one more name of a file that came before. */
  | { readonly kind: "file"; readonly path: ByteString; readonly size: number; readonly again: boolean }
  /** `size`: bytes of the target. */
  | { readonly kind: "symlink"; readonly path: ByteString; readonly size: number }
  | { readonly kind: "directory"; readonly path: ByteString }
  /** Devices, FIFOs. */
  | { readonly kind: "other"; readonly path: ByteString }
  /** The name, and all below it, is taken away. */
  | { readonly kind: "gone"; readonly path: ByteString }
  /** What lower layers have in this directory is taken away. */
  | { readonly kind: "opaque"; readonly path: ByteString };
