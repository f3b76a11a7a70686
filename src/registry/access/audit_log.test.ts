import assert from "node:assert/strict";
import { readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { isFailure, type Failure } from "../../errors.ts";
import { AuditLog, type AuditEntry } from "./audit_log.ts";

const entry: AuditEntry = {
  requestId: "r1",
  user: "jo",
  groups: ["team"],
  address: "192.0.2.7",
  action: "push",
  repository: "team/app",
  reference: 'v1\n{"forged":true}',
  outcome: "allowed",
  status: 201,
};

test("a line for each, in order; what clients write cannot forge one", async () => {
  using dir = scratch("audit");
  const path = join(dir.path, "audit.log");
  {
    await using log = await AuditLog.open({ path, now: () => 1_800_000_000_000 });
    await log.record(entry);
    await log.record({ ...entry, requestId: "r2", user: undefined, outcome: "denied", status: 401 });
  }
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const text = readFileSync(path, "utf8");
  const time = "2027-01-15T08:00:00.000Z";
  assert.equal(text.split("\n").length, 3);
  assert.deepEqual(JSON.parse(text.split("\n")[0]!), { time, ...entry });
  const { user: _, ...second } = { ...entry, requestId: "r2", outcome: "denied", status: 401 };
  assert.deepEqual(JSON.parse(text.split("\n")[1]!), { time, ...second });
});

test("thousands at once from two logs on one file: no line is torn or lost", async () => {
  using dir = scratch("audit");
  const path = join(dir.path, "audit.log");
  {
    await using one = await AuditLog.open({ path });
    await using two = await AuditLog.open({ path });
    const each = Array.from({ length: 5000 }, (_, n) => ({ ...entry, requestId: `${n}` }));
    await Promise.all(each.flatMap((line) => [one.record(line), two.record(line)]));
  }
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  assert.equal(lines.length, 10_000);
  assert.equal(new Set(lines.map((line) => (JSON.parse(line) as AuditEntry).requestId)).size, 5000);
});

test("goes on in a new file after the old one was renamed", async () => {
  using dir = scratch("audit");
  const path = join(dir.path, "audit.log");
  {
    await using log = await AuditLog.open({ path });
    await log.record(entry);
    renameSync(path, `${path}.1`);
    await log.reopen();
    await log.record({ ...entry, requestId: "r2" });
  }
  const idsIn = (file: string) =>
    readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as AuditEntry).requestId);
  assert.deepEqual([idsIn(`${path}.1`), idsIn(path)], [["r1"], ["r2"]]);
});

test("a file that cannot be opened or written is told of", async () => {
  const path = "/nonexistent-varve-test/audit.log";
  await assert.rejects(AuditLog.open({ path }), (error) => isFailure(error, "denied"));
  const problems: Failure[] = [];
  // Opens like any file, and is always full.
  const log = await AuditLog.open({ path: "/dev/full", onProblem: (failure) => problems.push(failure) });
  await log.record(entry);
  await log[Symbol.asyncDispose]().catch(() => undefined);
  assert.deepEqual(
    problems.map(({ message }) => message),
    ["cannot write to the audit log /dev/full"],
  );
});
