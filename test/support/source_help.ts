/** Trees of `test/suites/source_suite.ts` as they lie on a disk or in a tar. */
import * as fs from "node:fs";
import { type SourceFile, sourceTime } from "../suites/source_suite.ts";
import { type PackedFile, tarFile, tarOf } from "./tar_help.ts";

function onDisk(directory: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(path, "latin1")]);
}

/** Fills a directory that is there. */
export function writeSource(directory: string, files: readonly SourceFile[]): void {
  for (const { path, content, target, linkTo, mode } of files) {
    const at = onDisk(directory, path);
    if (target !== undefined) fs.symlinkSync(Buffer.from(target, "latin1"), at);
    else if (linkTo !== undefined) fs.linkSync(onDisk(directory, linkTo), at);
    else if (content !== undefined) fs.writeFileSync(at, content as string);
    else fs.mkdirSync(at);
    if (target === undefined && linkTo === undefined)
      fs.chmodSync(at, mode ?? (content === undefined ? 0o755 : 0o644));
  }
  for (const { path } of files.toReversed()) fs.lutimesSync(onDisk(directory, path), sourceTime, sourceTime);
}

/** The same as a tar, all of an owner of its own. */
export function packSource(files: readonly SourceFile[], owner = 0): Buffer {
  return tarOf(files.map((file) => packed(file, owner)));
}

function packed({ path, content, target, linkTo, mode }: SourceFile, owner: number): PackedFile {
  const common = { path, uid: owner, gid: owner, mtime: sourceTime };
  if (target !== undefined) return tarFile({ ...common, type: "symlink", linkPath: target, mode: 0o777 });
  if (linkTo !== undefined) return tarFile({ ...common, type: "hardlink", linkPath: linkTo });
  if (content === undefined) return tarFile({ ...common, type: "directory", mode: mode ?? 0o755 });
  return tarFile({ ...common, mode: mode ?? 0o644 }, Buffer.from(content as string));
}
