/** `GET /containers/json` (B178). */
import { healthOf, statusText, type ContainerOverview, type Daemon } from "../../../../engine/index.ts";
import { Filters, type Call } from "../../../http/index.ts";
import { portsOf } from "./ports.ts";

export async function list(daemon: Daemon, call: Call): Promise<void> {
  const { containers } = daemon.engine;
  const { values: filters } = Filters.parse(call.query.get("filters"));
  const limit = call.integer("limit") ?? 0;
  const found = await containers.overview({ all: call.flag("all"), filters, limit });
  const now = Date.now();
  const rows: object[] = [];
  for (const each of found) {
    const sizes = call.flag("size") ? await containers.sizes(each.record.ID) : undefined;
    rows.push({ ...rowOf(each, now, call), ...(sizes && sizesShown(sizes)) });
  }
  call.reply(200, rows);
}

/** Docker leaves out a size of nothing. */
function sizesShown({ sizeRw, sizeRootFs }: { sizeRw: number; sizeRootFs: number }): object {
  return { ...(sizeRw > 0 && { SizeRw: sizeRw }), ...(sizeRootFs > 0 && { SizeRootFs: sizeRootFs }) };
}

/** A row of the list, without sizes. */
export function rowOf(container: ContainerOverview, now: number, call: Call): object {
  const { record, hostConfig, imageName, command, status, mounts, networks } = container;
  const { State } = record;
  const { Annotations } = hostConfig;
  return {
    Id: record.ID,
    Names: [record.Name],
    Image: imageName,
    ImageID: record.Image,
    Command: command,
    Created: Math.floor(Date.parse(record.Created) / 1000),
    Ports: portsOf(record),
    Labels: record.Config.Labels ?? {},
    State: status,
    Status: statusText(
      {
        status,
        health: healthOf(State),
        exitCode: State.ExitCode,
        startedAt: State.StartedAt,
        finishedAt: State.FinishedAt,
      },
      now,
    ),
    HostConfig: {
      NetworkMode: hostConfig.NetworkMode,
      ...(call.isAtLeast("1.46") && Annotations !== undefined && { Annotations }),
    },
    NetworkSettings: { Networks: networks },
    Mounts: mounts,
  };
}
