import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors.ts";
import { containerCapabilities, defaultCapabilities } from "./capabilities.ts";

const held = ["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_MKNOD"];

test("the default set is Docker's: mask 00000000a80425fb", () => {
  assert.equal(defaultCapabilities.length, 14);
  assert.deepEqual(containerCapabilities({}), defaultCapabilities);
});

test("add and drop follow Docker's rules", () => {
  const without = (name: string): string[] => defaultCapabilities.filter((one) => one !== name);
  assert.deepEqual(containerCapabilities({ drop: ["MKNOD"] }), without("CAP_MKNOD"));
  assert.deepEqual(containerCapabilities({ add: ["sys_admin"] }), [...defaultCapabilities, "CAP_SYS_ADMIN"]);
  assert.deepEqual(containerCapabilities({ add: ["cap_chown", "CHOWN"] }), defaultCapabilities);
  assert.deepEqual(containerCapabilities({ drop: ["ALL"] }), []);
  assert.deepEqual(containerCapabilities({ drop: ["all"], add: ["net_admin"] }), ["CAP_NET_ADMIN"]);
  assert.deepEqual(containerCapabilities({ add: ["ALL"], drop: ["mknod"], held }), [
    "CAP_CHOWN",
    "CAP_SYS_ADMIN",
  ]);
  assert.deepEqual(containerCapabilities({ add: ["ALL"], drop: ["ALL"], held }), held);
  assert.deepEqual(containerCapabilities({ privileged: true, drop: ["CHOWN"], held }), held);
});

test("all means what this process itself may hand on", () => {
  const all = containerCapabilities({ add: ["ALL"] });
  assert.deepEqual([...new Set(all)], all);
  assert.ok(all.every((name) => /^CAP_[A-Z_]+$/.test(name)));
});

test("an unknown name is refused in Docker's words", () => {
  const refused = (choice: object, message: string): void =>
    assert.throws(
      () => containerCapabilities(choice),
      (error) => isFailure(error, "invalid") && error.message === message,
    );
  refused({ add: ["nosuch"] }, 'invalid CapAdd: unknown capability: "CAP_NOSUCH"');
  refused({ drop: ["CAP_X"] }, 'invalid CapDrop: unknown capability: "CAP_X"');
});
