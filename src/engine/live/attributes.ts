/** What an event says of its container (moby, daemon/events.go, `LogContainerEventWithAttributes`). */
import type { ContainerRecord } from "../containers/record.ts";

export function attributesOf(record: ContainerRecord): Record<string, string> {
  return {
    ...record.Config.Labels,
    image: record.Config.Image ?? "",
    name: record.Name.slice(1),
  };
}
