/** `pull` killed at many points and started again (behaviours B118, B120). */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { openEngine } from "../../src/engine/index.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { faultyDays, unlessLinux, unlessRoot } from "../suites/scratch.ts";
import { hostileImage } from "../fixtures/hostile/hostile_image.ts";
import { hostileRegistry } from "../fixtures/hostile/hostile_registry.ts";
import { footprint, World } from "../fixtures/hostile/world.ts";
import { assertReturned, assertWhole, listed, randomLayers, sizeOf } from "./faults_support.ts";
import { varveOn } from "./support.ts";

const MiB = 1 << 20;

/** Shares of the image's bytes. */
const points = {
  overlay2: [
    [0.05, "SIGKILL"],
    [0.4, "SIGINT"],
    [0.7, "SIGKILL"],
    [0.97, "SIGKILL"],
  ],
  erofs: [
    [0.3, "SIGKILL"],
    [0.9, "SIGINT"],
  ],
  vfs: [[0.5, "SIGKILL"]],
} as const;

/** Bytes of all blobs, whole and unfinished. */
function onDisk(root: string): number {
  const sizes = ["transfers", "blobs/sha256"].flatMap((folder) => {
    const directory = join(root, "varve", folder);
    const names = existsSync(directory) ? readdirSync(directory) : [];
    return names.map((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0);
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

for (const driver of faultyDays) {
  const skip = driver === "overlay2" ? unlessRoot || overlaySkip : unlessLinux;
  test(
    `${driver}: B118 B120 pull killed at a byte goes on from there, and nothing was to be seen`,
    { skip },
    async (t) => {
      using world = new World();
      let limit = Infinity;
      let kill = (): void => undefined;
      /** Bytes that were sent so far and are not on the disk, nor on the way there. */
      let lost = 0;
      await using registry = await hostileRegistry({
        // In step with what reaches the disk: what lies in the kernel's buffers counts as sent, though it never came.
        pace: async (sent) => {
          if (sent >= limit) {
            // Once, though several blobs are on their way: a second SIGINT may meet a process that hears none any more.
            kill();
            kill = () => undefined;
            throw new Error("nobody is there any more");
          }
          const isAhead = (): boolean => sent - lost - onDisk(world.root) > MiB / 4 && sent < limit;
          while (isAhead()) await setTimeout(1);
        },
      });
      const varve = varveOn(world.root, driver);
      await varve("pull", "-q", await registry.publish("base", hostileImage(randomLayers(1000))));
      const before = footprint(world.root);
      const visible = await listed(await openEngine({ root: world.root, driver }));
      for (const [share, signal] of points[driver]) {
        await t.test(`${signal} at ${share * 100} %`, async () => {
          const image = hostileImage(randomLayers(MiB, 2 * MiB, MiB / 2));
          const size = sizeOf(image);
          const reference = await registry.publish(`at${share * 1000}`, image);
          const sent = (): number =>
            registry.requests
              .filter(({ path }) => path.includes("/blobs/"))
              .reduce((sum, each) => sum + each.sent, 0);
          const start = sent();
          lost = start - onDisk(world.root);
          const child = varve.start(["pull", reference]);
          limit = start + share * size;
          kill = () => void child.kill(signal);
          const [code] = await once(child, "close");
          limit = Infinity;
          assert.equal(code, signal === "SIGINT" ? 130 : null);
          await assertWhole(world.root, driver, visible);
          lost = sent() - onDisk(world.root);
          const outcome = await varve.run(["pull", reference]);
          assert.equal(outcome.code, 0, outcome.stderr);
          const total = sent() - start;
          t.diagnostic(`${total - size} bytes more than the image's ${size}`);
          assert.ok(total < size + MiB, `${total} bytes were sent for ${size}`);
          await varve("rmi", reference);
          await assertReturned(world.root, driver, before);
        });
      }
    },
  );
}
