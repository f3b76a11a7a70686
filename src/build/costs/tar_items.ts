/** What is in a layer of which only the tar says what it changed. */
import type { ByteString } from "../../byte_string.ts";
import { throwIfCancelled, type ByteSource } from "../../bytes/index.ts";
import { layerPath, readMark } from "../../layer/index.ts";
import { readTar } from "../../tar/index.ts";
import type { LayerItem } from "./layer_item.ts";

/** Reads the whole tar; contents are skipped. Throws `Failure("corrupt")` for a damaged one. */
export async function* tarItems(tar: ByteSource, signal: AbortSignal): AsyncGenerator<LayerItem> {
  for await (const { entry } of readTar(tar)) {
    throwIfCancelled(signal);
    const path: ByteString = layerPath(entry.path);
    if (path === "") continue;
    const mark = readMark(path);
    if (mark?.kind === "bookkeeping") continue;
    if (mark !== undefined) {
      yield { kind: mark.kind === "opaque" ? "opaque" : "gone", path: mark.path };
      continue;
    }
    switch (entry.type) {
      case "file":
        yield { kind: "file", path, size: entry.size, again: false };
        break;
      case "hardlink":
        yield { kind: "file", path, size: 0, again: true };
        break;
      case "symlink":
        yield { kind: "symlink", path, size: entry.linkPath.length };
        break;
      case "directory":
        yield { kind: "directory", path };
        break;
      case "char":
      case "block":
      case "fifo":
        yield { kind: "other", path };
    }
  }
}
