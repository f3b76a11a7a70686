/** `GetContainerEvents`: what happens to sandboxes and their containers, as it happens. */
import type { Daemon, PodRecord } from "../../engine/index.ts";
import { isFailure } from "../../errors.ts";
import type { GrpcCall, Write } from "../../rpc/index.ts";
import { eventTypes } from "../protocol/index.ts";
import type * as protocol from "../protocol/index.ts";
import { statusOf } from "./container_status.ts";
import type { ContainerService } from "./containers.ts";
import { sandboxIn } from "./kept.ts";
import type { SandboxService } from "./sandboxes.ts";

/** Events that a client may be behind; one that is further behind misses some, and lists all the same from time to time. */
const most = 1000;

export interface EventSources {
  readonly daemon: Daemon;
  readonly containers: ContainerService;
  readonly sandboxes: SandboxService;
}

/** What is told of a container, or, as the CRI has it, of a sandbox under the sandbox' ID. */
interface Happened {
  readonly id: string;
  readonly type: number;
  readonly at: bigint;
  /** A sandbox as it stood then; else the ID of a container's. */
  readonly sandbox: PodRecord | string;
}

/** Ends when the client has gone. */
export async function* containerEvents(
  sources: EventSources,
  { signal }: GrpcCall,
): AsyncGenerator<Write<typeof protocol.ContainerEvent>> {
  const waiting: Happened[] = [];
  let news = Promise.withResolvers<void>();
  using listening = listen(sources, (happened) => {
    if (waiting.length < most) waiting.push(happened);
    news.resolve();
  });
  void listening;
  signal.addEventListener("abort", () => news.resolve(), { once: true });
  while (!signal.aborted) {
    for (let each = waiting.shift(); each !== undefined && !signal.aborted; each = waiting.shift())
      yield await eventOf(each, sources);
    await news.promise;
    news = Promise.withResolvers();
  }
}

function listen({ daemon, sandboxes }: EventSources, hear: (happened: Happened) => void): Disposable {
  const stack = new DisposableStack();
  stack.use(
    daemon.events.listen(({ Type, Action, Actor, timeNano }) => {
      const type = eventTypes[Action];
      const sandbox = sandboxIn(Actor.Attributes);
      if (Type !== "container" || type === undefined || sandbox === undefined) return;
      hear({ id: Actor.ID, type, at: timeNano, sandbox });
    }),
  );
  stack.use(
    sandboxes.listen(({ action, pod, at }) =>
      hear({ id: pod.id, type: eventTypes[action] ?? 0, at, sandbox: pod }),
    ),
  );
  return stack;
}

/** With all that there is in the sandbox: kubelet takes no notice of an event without its sandbox. */
async function eventOf(
  { id, type, at, sandbox }: Happened,
  { daemon, containers, sandboxes }: EventSources,
): Promise<Write<typeof protocol.ContainerEvent>> {
  const said = { containerId: id, type, createdAt: at };
  try {
    const pod = typeof sandbox === "string" ? daemon.pods.find(sandbox) : sandbox;
    const all = await containers.matching({ podSandboxId: pod.id });
    const statuses = await Promise.all(all.map((each) => statusOf(daemon, each)));
    return { ...said, podSandboxStatus: sandboxes.shown(pod), containersStatuses: statuses };
  } catch (error) {
    // The sandbox has gone, and told of that.
    if (isFailure(error, "not-found")) return said;
    throw error;
  }
}
