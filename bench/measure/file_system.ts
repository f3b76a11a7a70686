/** What a directory lies on. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { basename } from "node:path";

/** `ext4 without a journal (/dev/vda: rw,relatime)` */
export function describeFileSystem(directory: string): string {
  const args = ["--noheadings", "--output", "SOURCE,FSTYPE,OPTIONS", "--target", directory];
  const [source = "", type = "", options = ""] = execFileSync("findmnt", args, { encoding: "utf8" })
    .trim()
    .split(/\s+/);
  const journal = type === "ext4" ? ` with${hasJournal(basename(source)) ? "" : "out"} a journal` : "";
  return `${type}${journal} (${source}: ${options})`;
}

/** The journal of a mounted ext4 has a folder there, by device and inode (fs/jbd2/journal.c). */
function hasJournal(device: string): boolean {
  const folder = "/proc/fs/jbd2";
  return existsSync(folder) && readdirSync(folder).some((name) => name.startsWith(`${device}-`));
}
