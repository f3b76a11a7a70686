import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../../test/suites/scratch.ts";
import * as sys from "../../sys/index.ts";
import { findMember, openNamespaceOf, readNamespaceRecord, writeNamespaceRecord } from "./member.ts";

test("a record is read as it was written, and nothing else is taken for one", () => {
  using dir = scratch("namespace");
  mkdirSync(join(dir.path, "varve"));
  assert.equal(readNamespaceRecord(dir.path), undefined);
  const record = { pid: 12, mounts: "mnt:[4026531841]", mark: "varve-0123456789abcdef" };
  writeNamespaceRecord(dir.path, record);
  assert.deepEqual(readNamespaceRecord(dir.path), record);
  assert.deepEqual(readdirSync(join(dir.path, "varve")), ["namespace"]);
  assert.equal(statSync(join(dir.path, "varve/namespace")).mode & 0o777, 0o600);
  for (const text of [
    "",
    "{}",
    '{"pid":1,',
    JSON.stringify({ ...record, pid: "1" }),
    JSON.stringify({ ...record, mark: "proc" }),
  ]) {
    writeFileSync(join(dir.path, "varve/namespace"), text);
    assert.equal(readNamespaceRecord(dir.path), undefined, text);
  }
});

test("a member is who has the recorded namespace with its mark", { skip: unlessLinux }, () => {
  // This process's own, which a mount of its proves as the one on /run proves ours.
  const mark = sys.mountInfo().find(({ source }) => source !== "none")?.source ?? "";
  const own = { pid: process.pid, mounts: readlinkSync("/proc/self/ns/mnt"), mark };
  const opened = openNamespaceOf(process.pid, own);
  assert.ok(opened);
  assert.equal(readlinkSync(`/proc/self/fd/${opened.mounts}`), own.mounts);
  assert.equal(readlinkSync(`/proc/self/fd/${opened.user}`), readlinkSync("/proc/self/ns/user"));
  opened[Symbol.dispose]();
  const files = readdirSync("/proc/self/fd").length;
  assert.equal(openNamespaceOf(process.pid, { ...own, mark: "varve-other" }), undefined);
  assert.equal(openNamespaceOf(process.pid, { ...own, mounts: "mnt:[1]" }), undefined);
  assert.equal(openNamespaceOf(2 ** 22 + 1, own), undefined);
  assert.equal(readdirSync("/proc/self/fd").length, files, "nothing is left open");
  const found = findMember(own);
  assert.ok(found);
  found.opened[Symbol.dispose]();
  assert.equal(findMember({ ...own, mark: "varve-other" }), undefined);
});
