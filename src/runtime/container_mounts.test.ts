import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors.ts";
import { containerMounts, type MountChoice } from "./container_mounts.ts";
import type { OciMount } from "./oci_spec.ts";

const paths = (choice: MountChoice): string[] => containerMounts(choice).map((mount) => mount.destination);
const at = (path: string, choice: MountChoice): OciMount | undefined =>
  containerMounts(choice).find((mount) => mount.destination === path);

test("a mount of the user's replaces Docker's on the same path, one on /dev all below", () => {
  assert.equal(at("/dev/shm", { tmpfs: { "/dev/shm": "" } })?.source, "tmpfs");
  const dev = paths({ binds: [{ source: "/dev", destination: "/dev" }] });
  assert.deepEqual(
    dev.filter((path) => path.startsWith("/dev")),
    ["/dev"],
  );
  const files = { hosts: "/h", hostname: "/n", resolvConf: "/r" };
  const own = { files, binds: [{ source: "/mine", destination: "/etc/hosts" }] };
  assert.equal(at("/etc/hosts", own)?.source, "/mine");
  assert.equal(paths(own).filter((path) => path === "/etc/hosts").length, 1);
});

test("parents are mounted before their children", () => {
  const binds = ["/a/b/c", "/a", "/a/b"].map((destination) => ({ source: "/s", destination }));
  const ordered = paths({ binds }).filter((path) => path.startsWith("/a"));
  assert.deepEqual(ordered, ["/a", "/a/b", "/a/b/c"]);
});

test("tmpfs options override the defaults that they contradict", () => {
  const options = (text: string): readonly string[] | undefined =>
    at("/t", { tmpfs: { "/t": text } })?.options;
  assert.deepEqual(options(""), ["noexec", "nosuid", "nodev", "rprivate"]);
  assert.deepEqual(options("size=10m,mode=700"), [
    "noexec",
    "nosuid",
    "nodev",
    "rprivate",
    "size=10m",
    "mode=700",
  ]);
  assert.deepEqual(options("exec,rw,rslave"), ["nosuid", "nodev", "exec", "rw", "rslave"]);
  assert.deepEqual(options("size=1m,noexec,size=2m"), ["nosuid", "nodev", "rprivate", "noexec", "size=2m"]);
  assert.throws(
    () => options("foo"),
    (error) => isFailure(error, "invalid") && error.message === 'invalid tmpfs option ["foo"]',
  );
});

test("bad and doubled destinations are refused", () => {
  const refused = (choice: MountChoice, message: string): void =>
    assert.throws(
      () => containerMounts(choice),
      (error) => isFailure(error, "invalid") && error.message === message,
    );
  refused({ tmpfs: { x: "" } }, "invalid mount path: 'x' mount path must be absolute");
  refused({ tmpfs: { "/a/..": "" } }, "invalid specification: destination can't be '/'");
  refused(
    { tmpfs: { "/t": "" }, binds: [{ source: "/s", destination: "/t/" }] },
    "Duplicate mount point: /t",
  );
});

test("privileged containers may write to /sys and the cgroups", () => {
  assert.deepEqual(at("/sys", { privileged: true })?.options, ["nosuid", "noexec", "nodev"]);
  assert.deepEqual(at("/sys/fs/cgroup", { privileged: true })?.options, ["nosuid", "noexec", "nodev"]);
});

test("read-only leaves proc, dev and what lies in it alone, and closes the engine's own files", () => {
  const files = { hosts: "/h", hostname: "/n", resolvConf: "/r" };
  const choice = { readOnly: true, files, tmpfs: { "/tmp": "" } };
  const open = containerMounts(choice).filter((mount) => !mount.options.includes("ro"));
  assert.deepEqual(
    open.map((mount) => mount.destination),
    ["/proc", "/dev", "/dev/pts", "/dev/mqueue", "/dev/shm", "/tmp"],
  );
});
