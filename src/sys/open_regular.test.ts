import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { fromText } from "../byte_string.ts";
import { AT_FDCWD, close, O_DIRECTORY, O_PATH, openAt, openIn, openRegular, read } from "./index.ts";

test("files are opened, and nothing else is touched", { skip: unlessLinux }, () => {
  using directory = scratch("regular");
  const at = (name: string): string => join(directory.path, name);
  writeFileSync(at("file"), "content");
  mkdirSync(at("directory"));
  symlinkSync("/file", at("link"));
  execFileSync("mkfifo", [at("fifo")]);
  const root = openAt(AT_FDCWD, fromText(directory.path), O_PATH | O_DIRECTORY);
  const contentOf = (...from: Parameters<typeof openRegular>): string | undefined => {
    const fd = openRegular(...from);
    if (fd === undefined) return undefined;
    const bytes = Buffer.alloc(20);
    const length = read(fd, bytes);
    close(fd);
    return bytes.toString("utf8", 0, length);
  };
  assert.equal(contentOf(root, "file"), "content");
  for (const name of ["directory", "link", "fifo"]) assert.equal(contentOf(root, name), undefined, name);
  assert.equal(contentOf(AT_FDCWD, "/dev/null"), undefined);
  assert.equal(contentOf(root, "link", openIn), "content");
  assert.throws(() => openRegular(root, "none"), { code: "ENOENT" });
  close(root);
});
