import assert from "node:assert/strict";
import { existsSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import { inNetworkNamespace } from "../sys/index.ts";
import { Namespaces } from "./namespaces.ts";

test("made, shared, made anew after a reboot, and cleared away", { skip: unlessRoot }, () => {
  using directory = scratch("namespaces");
  const namespaces = new Namespaces(join(directory.path, "all"));
  assert.deepEqual(
    namespaces.reconcile(() => false),
    [],
  );
  const path = namespaces.create("one");
  try {
    assert.equal(path, namespaces.path("one"));
    const identity = inNetworkNamespace(path, () => readlinkSync("/proc/thread-self/ns/net"));
    assert.notEqual(identity, readlinkSync("/proc/thread-self/ns/net"));
    // What a reboot leaves is the file alone.
    writeFileSync(namespaces.path("two"), "");
    namespaces.create("two");
    assert.deepEqual(
      namespaces.reconcile((id) => id === "one"),
      ["two"],
    );
    assert.ok(existsSync(path) && !existsSync(namespaces.path("two")));
    namespaces.create("one");
    assert.notEqual(
      inNetworkNamespace(path, () => readlinkSync("/proc/thread-self/ns/net")),
      identity,
    );
  } finally {
    namespaces.remove("one");
    namespaces.remove("one");
  }
});
