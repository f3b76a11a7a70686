/** Messages about what happens. */
import { big, integer, many, message, one, text } from "../../rpc/index.ts";
import { ContainerStatus } from "./containers.ts";
import { SandboxStatus } from "./sandboxes.ts";

/** `ContainerEventType`, by the actions of the engine's events. */
export const eventTypes: Readonly<Record<string, number>> = { create: 0, start: 1, die: 2, destroy: 3 };

export const ContainerEvent = message({
  containerId: text(1),
  type: integer(2),
  createdAt: big(3),
  podSandboxStatus: one(4, SandboxStatus),
  containersStatuses: many(5, ContainerStatus),
});
