/** Events of networks (moby, daemon/events.go, `LogNetworkEventWithAttributes`). */
import type { NetworkDefinition } from "../../network/index.ts";
import type { EventBus } from "../events/event_bus.ts";

export function tellNetwork(
  events: EventBus,
  action: "create" | "connect" | "disconnect" | "destroy",
  { id, name, driver }: NetworkDefinition,
  containerId?: string,
): void {
  events.tell("network", action, id, {
    ...(containerId !== undefined && { container: containerId }),
    name,
    type: driver,
  });
}
