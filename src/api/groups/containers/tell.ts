/** Events of containers that the API itself is the cause of. */
import { containerAttributes, type ContainerRecord, type Daemon } from "../../../engine/index.ts";

export function tell(
  daemon: Daemon,
  record: ContainerRecord,
  action: string,
  more: Readonly<Record<string, string>> = {},
): void {
  daemon.events.tell("container", action, record.ID, { ...containerAttributes(record), ...more });
}
