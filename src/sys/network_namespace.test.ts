import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import {
  createIpcNamespace,
  createNetworkNamespace,
  inNetworkNamespace,
  removeNetworkNamespace,
} from "./network_namespace.ts";
import { isSysError } from "./sys_error.ts";

const own = (): string => readlinkSync("/proc/thread-self/ns/net");
const skip = unlessRoot;

test("a namespace has a loopback that answers, and the thread is home again", { skip }, () => {
  using directory = scratch("netns");
  const path = join(directory.path, "one");
  const home = own();
  createNetworkNamespace(path);
  try {
    assert.equal(own(), home);
    inNetworkNamespace(path, () => {
      assert.notEqual(own(), home);
      assert.doesNotMatch(readFileSync("/proc/thread-self/net/dev", "latin1"), /eth0/);
      const child = execFileSync("cat", ["/proc/net/fib_trie"], { encoding: "latin1" });
      assert.match(child, /127\.0\.0\.1/, "a process begun inside is inside, and the loopback is up");
    });
  } finally {
    removeNetworkNamespace(path);
  }
  assert.equal(own(), home);
  assert.ok(!existsSync(path));
});

test("a file that is there is refused and left alone", { skip }, () => {
  using directory = scratch("netns");
  const path = join(directory.path, "one");
  writeFileSync(path, "mine");
  assert.throws(
    () => createNetworkNamespace(path),
    (error) => isSysError(error, "EEXIST"),
  );
  assert.equal(readFileSync(path, "latin1"), "mine");
  assert.throws(
    () => inNetworkNamespace(path, own),
    (error) => isSysError(error, "EINVAL"),
  );
});

test("removing what is gone, or never was a mount, is no error", { skip }, () => {
  using directory = scratch("netns");
  const path = join(directory.path, "one");
  removeNetworkNamespace(path);
  writeFileSync(path, "");
  removeNetworkNamespace(path);
  assert.ok(!existsSync(path));
});

test("a namespace of IPC is another one, and the thread is home again", { skip }, () => {
  using directory = scratch("netns");
  const path = join(directory.path, "one");
  const home = readlinkSync("/proc/thread-self/ns/ipc");
  createIpcNamespace(path);
  try {
    assert.equal(readlinkSync("/proc/thread-self/ns/ipc"), home);
    assert.notEqual(`ipc:[${statSync(path).ino}]`, home);
  } finally {
    removeNetworkNamespace(path);
  }
});
