import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { configureRuntimes, runtimeNamed } from "./runtimes.ts";

test("runtimes have the names that were configured last; the usual ones need none", () => {
  using root = scratch("runtimes");
  const named = (name: string) => runtimeNamed(root.path, name);
  const unknown = (name: string): void =>
    assert.throws(() => named(name), { message: `Unknown runtime specified ${name}` });
  for (const name of ["", "runc", "io.containerd.runc.v2"]) assert.equal(named(name), undefined);
  assert.equal(named("crun"), "crun");
  for (const name of ["fast", "..", ".", "a/b", "../runtimes/fast"]) unknown(name);
  configureRuntimes(root.path, { fast: { path: "/opt/fast" }, crun: { path: "/opt/crun" } });
  assert.deepEqual([named("fast"), named("crun")], ["/opt/fast", "/opt/crun"]);
  configureRuntimes(root.path, { other: { path: "youki" } });
  assert.equal(named("other"), "youki");
  assert.equal(named("crun"), "crun");
  unknown("fast");
});

test("arguments of a runtime go before all others, whatever is in them", () => {
  using root = scratch("runtimes");
  const runtimeArgs = ["--a b", "it's", "$HOME;*"];
  configureRuntimes(root.path, { odd: { path: "printf", runtimeArgs: ["[%s]", ...runtimeArgs] } });
  const script = runtimeNamed(root.path, "odd") ?? "";
  assert.equal(
    execFileSync(script, ["create", "x y"], { encoding: "utf8" }),
    "[--a b][it's][$HOME;*][create][x y]",
  );
  // Containers run on that were started by it.
  configureRuntimes(root.path, {});
  assert.equal(execFileSync(script, ["delete"], { encoding: "utf8" }), "[--a b][it's][$HOME;*][delete]");
  assert.deepEqual(readdirSync(join(root.path, "varve/runtimes")), []);
});
