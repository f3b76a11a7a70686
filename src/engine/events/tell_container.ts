import type { ContainerRecord } from "../containers/record.ts";
import type { EventBus } from "./event_bus.ts";

/** An event of a container, with its labels, image and name as attributes (moby, daemon/events.go, `LogContainerEventWithAttributes`). */
export function tellContainer(
  events: EventBus,
  action: string,
  { ID, Name, Config: { Labels, Image = "" } }: ContainerRecord,
  more: Readonly<Record<string, string>> = {},
): void {
  events.tell("container", action, ID, { ...Labels, image: Image, name: Name.slice(1), ...more });
}
