import type { ContainerRecord } from "../containers/record.ts";
import { attributesOf } from "../live/attributes.ts";
import type { EventBus } from "./event_bus.ts";

/** An event of a container, with what is known of it as attributes. */
export function tellContainer(
  events: EventBus,
  action: string,
  record: ContainerRecord,
  more: Readonly<Record<string, string>> = {},
): void {
  events.tell("container", action, record.ID, { ...attributesOf(record), ...more });
}
