import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

test("importing sys loads no native code; away from Linux its calls fail as unsupported", () => {
  const index = JSON.stringify(new URL("./index.ts", import.meta.url).href);
  const script = `
    Object.defineProperty(process, "platform", { value: "darwin" });
    const sys = await import(${index});
    const { createRequire } = await import("node:module");
    const loaded = Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes("koffi"));
    try { sys.geteuid(); } catch (error) { console.log(loaded, error.kind); }`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.equal(child.stdout, "false unsupported\n", child.stderr);
});
