/** What the cache key of `COPY` and `ADD` says of the files. */
import { createHash } from "node:crypto";
import { toText } from "../../byte_string.ts";
import { throwIfCancelled } from "../../bytes/index.ts";
import type { CopyItem, CopySource } from "./copy_source.ts";
import { joinPath } from "./join_path.ts";

const maxItems = 50_000;
/** Files that are hashed at a time. */
const parallel = 64;

interface SourcesDigest {
  readonly digest: string;
  /** As `CopyPlan.items` says. */
  readonly items: ReadonlyMap<string, string>;
}

interface DigestOptions {
  /** False where `--chown` gives all of them one owner. */
  readonly ownersMatter: boolean;
  readonly signal: AbortSignal;
}

export async function digestSources(
  sources: readonly CopySource[],
  options: DigestOptions,
): Promise<SourcesDigest> {
  const { ownersMatter, signal } = options;
  const hash = createHash("sha256");
  const contents: string[][] = [];
  for (const source of sources) {
    const inner = itemsOf(source);
    hash.update(JSON.stringify([source.kind, inner.length]));
    const links = new Map<string, string>();
    const own: string[] = [];
    for (let at = 0; at < inner.length; at += parallel) {
      throwIfCancelled(signal);
      const batch = inner.slice(at, at + parallel);
      const found = await Promise.all(batch.map((item) => contentOf(item, signal)));
      const records = batch.map((item, index) => record(item, found[index] as string, links, ownersMatter));
      hash.update(records.join(""));
      own.push(...found);
    }
    contents.push(own);
  }
  const digest = hash.digest("hex");
  let items: ReadonlyMap<string, string> | undefined;
  return {
    digest,
    get items() {
      return (items ??= shortItems(sources, contents, ownersMatter));
    },
  };
}

function itemsOf(source: CopySource): readonly CopyItem[] {
  return source.kind === "directory" ? source.items : [source.item];
}

function shortItems(
  sources: readonly CopySource[],
  contents: readonly (readonly string[])[],
  ownersMatter: boolean,
): Map<string, string> {
  const items = new Map<string, string>();
  for (const [which, source] of sources.entries()) {
    for (const [index, item] of itemsOf(source).entries()) {
      if (items.size >= maxItems) return items;
      const path = source.kind === "directory" ? joinPath(source.path, item.name) : source.path;
      items.set(toText(path), shortened(item, contents[which]?.[index] ?? "", ownersMatter));
    }
  }
  return items;
}

function contentOf(item: CopyItem, signal: AbortSignal): string | Promise<string> {
  switch (item.kind) {
    case "file":
      return item.content.digest(signal);
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
