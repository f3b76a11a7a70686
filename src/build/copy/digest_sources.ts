/** What the cache key of `COPY` and `ADD` says of the files. */
import { createHash } from "node:crypto";
import { toText } from "../../byte_string.ts";
import { throwIfCancelled } from "../../bytes/index.ts";
import type { CopyItem, CopySource } from "./copy_source.ts";
import { joinPath } from "./join_path.ts";

const maxItems = 50_000;
/** Files that are hashed at a time. */
const parallel = 64;

/** @param ownersMatter false where `--chown` gives all of them one owner */
export async function digestSources(
  sources: readonly CopySource[],
  { ownersMatter, signal }: { readonly ownersMatter: boolean; readonly signal: AbortSignal },
): Promise<{ digest: string; items: Map<string, string> }> {
  const hash = createHash("sha256");
  const items = new Map<string, string>();
  for (const source of sources) {
    const inner = source.kind === "directory" ? source.items : [source.item];
    hash.update(JSON.stringify([source.kind, inner.length]));
    const links = new Map<string, string>();
    for (let at = 0; at < inner.length; at += parallel) {
      throwIfCancelled(signal);
      const batch = inner.slice(at, at + parallel);
      const contents = await Promise.all(batch.map(contentOf));
      let records = "";
      for (const [index, item] of batch.entries()) {
        const content = contents[index] as string;
        records += record(item, content, links, ownersMatter);
        if (items.size >= maxItems) continue;
        const path = source.kind === "directory" ? joinPath(source.path, item.name) : source.path;
        items.set(toText(path), shortened(item, content, ownersMatter));
      }
      hash.update(records);
    }
  }
  return { digest: hash.digest("hex"), items };
}

function contentOf(item: CopyItem): string | Promise<string> {
  switch (item.kind) {
    case "file":
      return item.content.digest();
    case "symlink":
      return item.target;
    case "char":
    case "block":
      return `${item.devMajor}:${item.devMinor}`;
    case "directory":
    case "fifo":
      return "";
  }
}

function record(item: CopyItem, content: string, links: Map<string, string>, ownersMatter: boolean): string {
  const { kind, name, mode, uid, gid, xattrs } = item;
  const attributes =
    xattrs === undefined
      ? []
      : [...xattrs].map(([attribute, value]) => [attribute, Buffer.from(value).toString("hex")]).sort();
  const inode = item.kind === "file" ? item.inode : undefined;
  const first = inode === undefined ? undefined : links.get(inode);
  if (inode !== undefined && first === undefined) links.set(inode, name);
  const owner = ownersMatter ? [uid, gid] : [];
  return JSON.stringify([kind, name, mode, owner, content, attributes, first ?? ""]);
}

/** Enough to tell that something is another, and what. */
function shortened({ mode, uid, gid, kind }: CopyItem, content: string, ownersMatter: boolean): string {
  const owner = ownersMatter && (uid !== 0 || gid !== 0) ? ` ${uid}:${gid}` : "";
  return `${kind} ${mode.toString(8)}${owner} ${toText(content.slice(0, 12))}`.trimEnd();
}
