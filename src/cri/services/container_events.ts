/** `GetContainerEvents`: what happens to containers of sandboxes, as it happens. */
import type { Daemon, EngineEvent } from "../../engine/index.ts";
import { isFailure } from "../../errors.ts";
import type { GrpcCall, Write } from "../../rpc/index.ts";
import { eventTypes } from "../protocol/index.ts";
import type * as protocol from "../protocol/index.ts";
import { statusOf } from "./container_status.ts";
import type { ContainerService } from "./containers.ts";
import { keptOf } from "./kept.ts";
import type { SandboxService } from "./sandboxes.ts";

/** Events that a client may be behind; one that is further behind misses some, and lists all the same from time to time. */
const most = 1000;

/** Ends when the client has gone. */
export async function* containerEvents(
  {
    daemon,
    containers,
    sandboxes,
  }: { daemon: Daemon; containers: ContainerService; sandboxes: SandboxService },
  { signal }: GrpcCall,
): AsyncGenerator<Write<typeof protocol.ContainerEvent>> {
  const waiting: EngineEvent[] = [];
  let news = Promise.withResolvers<void>();
  using listening = daemon.events.listen((event) => {
    if (event.Type !== "container" || eventTypes[event.Action] === undefined) return;
    if (waiting.length < most) waiting.push(event);
    news.resolve();
  });
  void listening;
  signal.addEventListener("abort", () => news.resolve(), { once: true });
  while (!signal.aborted) {
    for (let event = waiting.shift(); event !== undefined && !signal.aborted; event = waiting.shift()) {
      const told = await eventOf(event, containers, sandboxes, daemon);
      if (told !== undefined) yield told;
    }
    await news.promise;
    news = Promise.withResolvers();
  }
}

/** Undefined: it is none of Kubernetes' containers. */
async function eventOf(
  event: EngineEvent,
  containers: ContainerService,
  sandboxes: SandboxService,
  daemon: Daemon,
): Promise<Write<typeof protocol.ContainerEvent> | undefined> {
  const { ID, Attributes } = event.Actor;
  const said = { containerId: ID, type: eventTypes[event.Action] ?? 0, createdAt: event.timeNano };
  try {
    const found = await containers.find(ID);
    const pod = daemon.pods.find(found.kept.sandboxId);
    const all = await containers.matching({ podSandboxId: pod.id });
    return { ...said, podSandboxStatus: sandboxes.shown(pod), containersStatuses: all.map(statusOf) };
  } catch (error) {
    if (!isFailure(error, "not-found")) throw error;
    // It has gone, or its sandbox has.
    const isOurs = keptOf({ Config: { Labels: Attributes } } as never) !== undefined;
    return isOurs ? said : undefined;
  }
}
