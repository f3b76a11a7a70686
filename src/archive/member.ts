/** Members of an archive that is being written, and the order in which Docker's tar of a directory has them. */
import { fromText } from "../byte_string.ts";
import type { ByteSource } from "../bytes/index.ts";
import { packTar, type PackedEntry, type TarEntry } from "../tar/index.ts";

export interface Member {
  /** With `/` between folders; a folder has none at its end. */
  readonly name: string;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly content:
    | { readonly kind: "directory" }
    | { readonly kind: "symlink"; readonly target: string }
    | { readonly kind: "bytes"; readonly bytes: Uint8Array }
    | { readonly kind: "stream"; readonly size: number; readonly open: () => Promise<ByteSource> };
}

export function textMember(name: string, text: string, mtime: number): Member {
  return { name, mtime, content: { kind: "bytes", bytes: Buffer.from(text, "utf8") } };
}

/** A walk of a directory, names in byte order within each folder: compare names component by component. */
function walkOrder(a: Member, b: Member): number {
  const [left, right] = [a.name.split("/"), b.name.split("/")];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i] as string, right[i] as string];
    if (x !== y) return x < y ? -1 : 1;
  }
  return left.length - right.length;
}

/** The tar of the members. */
export function packMembers(members: readonly Member[]): AsyncGenerator<Uint8Array, void, undefined> {
  return packTar(packed([...members].sort(walkOrder)));
}

async function* packed(members: readonly Member[]): AsyncGenerator<PackedEntry, void, undefined> {
  for (const member of members) {
    const { content } = member;
    switch (content.kind) {
      case "directory":
        yield { entry: entryOf(`${member.name}/`, "directory", 0o755, member.mtime) };
        break;
      case "symlink":
        yield {
          entry: {
            ...entryOf(member.name, "symlink", 0o777, member.mtime),
            linkPath: fromText(content.target),
          },
        };
        break;
      case "bytes":
        yield { entry: fileEntry(member, content.bytes.length), body: content.bytes };
        break;
      case "stream":
        yield { entry: fileEntry(member, content.size), body: await content.open() };
        break;
    }
  }
}

function fileEntry(member: Member, size: number): TarEntry {
  return { ...entryOf(member.name, "file", 0o644, member.mtime), size };
}

function entryOf(name: string, type: TarEntry["type"], mode: number, mtime: number): TarEntry {
  return {
    path: fromText(name),
    type,
    linkPath: "",
    mode,
    uid: 0,
    gid: 0,
    // Docker asks the host for the names of 0; they are these everywhere, and so its archives and ours are equal.
    uname: "root",
    gname: "root",
    size: 0,
    mtime,
    mtimeNs: 0,
    devMajor: 0,
    devMinor: 0,
  };
}
