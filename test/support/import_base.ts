/** An image `base:1` with a busybox, at a daemon of whatever kind. */
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import { treeTar } from "../../src/layer/index.ts";
import { ContainerFixture } from "../../src/runtime/container_fixture.ts";
import { signal } from "./engine_fixture.ts";

export async function importBase(socketPath: string): Promise<void> {
  using base = await ContainerFixture.create();
  const path = "/images/create?fromSrc=-&repo=base&tag=1&changes=ENV%20PATH=/bin";
  const asked = request({ socketPath, path, method: "POST" });
  const answered = once(asked, "response") as Promise<[IncomingMessage]>;
  await pipeline(treeTar(base.rootfs, { signal }), asked);
  const [answer] = await answered;
  await answer.resume().toArray();
}
