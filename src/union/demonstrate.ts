/** A few changes to a small image, made by the simulator: what a dialect leaves in the writable layer. */
import { type ByteString, toText } from "../byte_string.ts";
import { MemoryBranch } from "./memory_branch.ts";
import type { Dialect, NodeStat } from "./types.ts";
import { UnionError } from "./union_error.ts";
import { UnionView } from "./union_view.ts";
import { walkBranch } from "./walk_branch.ts";

export interface Demonstrated {
  /** As a user would type it. */
  readonly command: string;
  /** Why it failed; undefined where it did not. */
  readonly failed?: string;
  /** What the writable layer holds afterwards, one line a path. */
  readonly upper: readonly string[];
}

/** The image's two files and a directory; each step starts from it anew. */
function imageLayer(): MemoryBranch {
  const layer = new MemoryBranch();
  const file = { kind: "file", mode: 0o644, uid: 0, gid: 0 } as const;
  const directory = { kind: "directory", mode: 0o755, uid: 0, gid: 0 } as const;
  layer.create("etc", directory);
  layer.create("etc/motd", { ...file, content: Buffer.from("welcome\n") });
  layer.create("etc/profile", { ...file, content: Buffer.from("export PATH=/bin\n") });
  return layer;
}

const steps: readonly (readonly [command: string, act: (view: UnionView) => void])[] = [
  ["cat /etc/profile", (view) => view.read("etc/profile")],
  ["echo x >> /etc/profile", (view) => view.open("etc/profile", { append: true }).write(Buffer.from("x\n"))],
  ["rm /etc/motd", (view) => view.unlink("etc/motd")],
  [
    "rm -r /etc && mkdir /etc",
    (view) => {
      for (const { name } of view.readdir("etc")) view.unlink(`etc/${name}`);
      view.rmdir("etc");
      view.mkdir("etc");
    },
  ],
  ["mv /etc /conf", (view) => view.rename("etc", "conf")],
];

export function demonstrate(dialect: Dialect): Demonstrated[] {
  return steps.map(([command, act]) => {
    const upper = new MemoryBranch();
    const failed = failureOf(() => act(new UnionView({ dialect, lowers: [imageLayer()], upper })));
    return { command, ...(failed !== undefined && { failed }), upper: [...linesOf(upper)] };
  });
}

function failureOf(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof UnionError) return error.code;
    throw error;
  }
}

function* linesOf(upper: MemoryBranch): Generator<string, void, undefined> {
  for (const [path, stat] of walkBranch(upper)) {
    const marks = [...upper.xattrs(path)].map(([name, value]) => ` ${name}=${Buffer.from(value).toString()}`);
    yield `${kindLetter(stat)} ${toText(path)}${sizeOf(stat)}${marks.join("")}`;
  }
}

/** As `ls -l` begins its lines. */
function kindLetter({ kind, rdevMajor, rdevMinor }: NodeStat): ByteString {
  if (kind === "directory") return "d";
  return kind === "char" ? `c ${rdevMajor}:${rdevMinor}` : "-";
}

function sizeOf({ kind, size }: NodeStat): string {
  return kind === "file" ? ` (${size} B)` : "";
}
