import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

function attach(path: string): sys.LoopDevice {
  const fd = sys.openAt(sys.AT_FDCWD, path, sys.O_RDONLY);
  try {
    return sys.attachLoop(fd);
  } finally {
    sys.close(fd);
  }
}

/** An EROFS image of three blocks of 512 bytes: a directory with the file "f", whose text is "hello". */
function tinyErofs(): Buffer {
  const image = Buffer.alloc(1536);
  image.writeUInt32LE(0xe0f5e1e2, 1024);
  image.writeUInt8(9, 1024 + 12);
  const [root, file] = [1152, 1280];
  image.writeUInt16LE(root / 32, 1024 + 14);
  inode(
    image,
    root,
    0o040755,
    Buffer.concat([entry(root, 36, 2), entry(root, 37, 2), entry(file, 39, 1), name]),
  );
  inode(image, file, 0o100644, Buffer.from("hello"));
  return image;
}

const name = Buffer.from("...f");

function inode(image: Buffer, at: number, mode: number, data: Buffer): void {
  // extended (1), data behind the inode (2 << 1)
  image.writeUInt16LE(5, at);
  image.writeUInt16LE(mode, at + 4);
  image.writeUInt32LE(data.length, at + 8);
  image.writeUInt32LE(2, at + 44);
  data.copy(image, at + 64);
}

function entry(inodeAt: number, nameAt: number, type: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32LE(inodeAt / 32, 0);
  bytes.writeUInt16LE(nameAt, 8);
  bytes.writeUInt8(type, 10);
  return bytes;
}

const skip: string | false = ((): string | false => {
  if (unlessRoot !== false) return unlessRoot;
  using dir = scratch("loop");
  writeFileSync(join(dir.path, "f"), Buffer.alloc(512));
  try {
    sys.close(attach(join(dir.path, "f")).fd);
    return false;
  } catch (error) {
    return `no loop device: ${(error as Error).message}`;
  }
})();

const erofs = skip === false && !readFileSync("/proc/filesystems", "utf8").includes("\terofs\n");
const skipErofs = erofs ? "this kernel has no EROFS" : skip;

/** The file behind a device; undefined where it is free. */
function backingOf(device: sys.LoopDevice): string | undefined {
  const path = `/sys/block/${basename(device.path)}/loop/backing_file`;
  return existsSync(path) ? readFileSync(path, "utf8").trimEnd() : undefined;
}

/** Kernels from 5.17 on may free it a little later, and udev may look at it for a moment. */
async function untilFree(device: sys.LoopDevice, path: string): Promise<void> {
  for (let i = 0; i < 100 && backingOf(device)?.startsWith(path) === true; i++) await setTimeout(20);
  assert.equal(backingOf(device)?.startsWith(path) ?? false, false);
}

test("a file is a read-only device of whole sectors until the last user leaves", { skip }, async () => {
  using dir = scratch("loop");
  const path = join(dir.path, "f");
  const bytes = Buffer.alloc(5 * 512 + 100, "varve loop ");
  writeFileSync(path, bytes);
  const device = attach(path);
  const second = sys.duplicate(device.fd);
  try {
    sys.close(device.fd);
    assert.match(device.path, /^\/dev\/loop\d+$/);
    assert.equal(backingOf(device), path);
    const seen = readFileSync(device.path);
    assert.ok(seen.equals(bytes.subarray(0, 5 * 512)));
    assert.equal(readFileSync(`/sys/block/${basename(device.path)}/ro`, "utf8"), "1\n");
    const sectors = `/sys/block/${basename(device.path)}/queue/logical_block_size`;
    assert.equal(readFileSync(sectors, "utf8"), "512\n");
  } finally {
    sys.close(second);
  }
  await untilFree(device, path);
});

test(
  "a mount keeps its device when the descriptor and the file's name are gone",
  { skip: skipErofs },
  async () => {
    using dir = scratch("loop");
    const [image, target] = [`${dir.path}.image`, dir.path];
    writeFileSync(image, tinyErofs());
    let device: sys.LoopDevice | undefined;
    try {
      device = attach(image);
      try {
        const source: sys.MountParameter = ["source", device.path];
        assert.throws(() => sys.newMount("erofs", [source], { readOnly: true }), { code: "EACCES" });
        const mount = sys.newMount("erofs", [source, ["ro", true]]);
        try {
          sys.moveMount(mount, target);
        } finally {
          sys.close(mount);
        }
      } finally {
        sys.close(device.fd);
      }
    } finally {
      unlinkSync(image);
    }
    try {
      assert.equal(readFileSync(join(target, "f"), "utf8"), "hello");
      assert.deepEqual(readdirSync(target), ["f"]);
      assert.equal(backingOf(device), `${image} (deleted)`);
    } finally {
      sys.unmount(target);
    }
    await untilFree(device, image);
  },
);

test("many devices at once are different ones", { skip }, () => {
  using dir = scratch("loop");
  const path = join(dir.path, "f");
  const devices: sys.LoopDevice[] = [];
  try {
    for (let i = 0; i < 12; i++) {
      writeFileSync(`${path}${i}`, Buffer.alloc(512, i));
      devices.push(attach(`${path}${i}`));
    }
    assert.equal(new Set(devices.map((device) => device.path)).size, 12);
    for (const [i, device] of devices.entries()) assert.equal(readFileSync(device.path)[511], i);
  } finally {
    for (const device of devices) sys.close(device.fd);
  }
});

test("what is no file of bytes cannot be a device", { skip }, () => {
  const directory = sys.openAt(sys.AT_FDCWD, "/", sys.O_RDONLY | sys.O_DIRECTORY);
  try {
    assert.throws(() => sys.attachLoop(directory), { code: "EINVAL", syscall: "ioctl LOOP_CONFIGURE" });
  } finally {
    sys.close(directory);
  }
  assert.throws(() => sys.attachLoop(1 << 20), { code: "EBADF" });
});
