import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../../test/suites/scratch.ts";
import { CriLog } from "./cri_log.ts";
import { checkLogOptions } from "./log_options.ts";
import type { LogLine } from "./types.ts";

const time = 1_700_000_000_000_000_007n;
const line = (text: string, stream: LogLine["stream"] = "stdout"): LogLine => ({
  stream,
  time,
  bytes: Buffer.from(text),
});

test("full lines and parts of lines, as Kubernetes reads them", () => {
  using directory = scratch("crilog");
  const path = join(directory.path, "0.log");
  using log = new CriLog(path);
  log.append([line("one\n"), line("wro", "stderr"), line("ng\n", "stderr"), line("\n")]);
  const at = "2023-11-14T22:13:20.000000007Z";
  const lines = [`${at} stdout F one`, `${at} stderr P wro`, `${at} stderr F ng`, `${at} stdout F `];
  assert.deepEqual(readFileSync(path, "utf8").split("\n"), [...lines, ""]);
});

test("a log that was moved away goes on in a new file", () => {
  using directory = scratch("crilog");
  const path = join(directory.path, "0.log");
  using log = new CriLog(path);
  log.append([line("old\n")]);
  renameSync(path, `${path}.1`);
  assert.equal(log.position(), 0);
  log.append([line("new\n")]);
  assert.match(readFileSync(path, "utf8"), /^\S+ stdout F new\n$/);
  assert.match(readFileSync(`${path}.1`, "utf8"), /^\S+ stdout F old\n$/);
  rmSync(directory.path, { recursive: true });
  assert.ok(log.position() > 0, "without the directory it goes on where it is");
});

test("a FIFO in its place is not opened, which would wait", { skip: unlessLinux }, () => {
  using directory = scratch("crilog");
  const path = join(directory.path, "0.log");
  using log = new CriLog(path);
  log.append([line("old\n")]);
  renameSync(path, `${path}.1`);
  execFileSync("mkfifo", [path]);
  assert.ok(log.position() > 0);
  log.append([line("new\n")]);
  assert.match(readFileSync(`${path}.1`, "utf8"), /^\S+ stdout F old\n\S+ stdout F new\n$/);
});

test("what is no place for a log is refused", () => {
  assert.equal(checkLogOptions("cri", { path: "/var/log/x" }), "cri");
  assert.throws(() => checkLogOptions("cri", { path: "x" }), /absolute path/);
  assert.throws(() => checkLogOptions("cri", {}), /absolute path/);
  assert.throws(() => checkLogOptions("cri", { path: "/x", tag: "t" }), /unknown log opt 'tag'/);
});
