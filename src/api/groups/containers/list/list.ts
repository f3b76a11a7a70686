/** `GET /containers/json` (B178). */
import type { ContainerOverview, Daemon } from "../../../../engine/index.ts";
import type { Call } from "../../../http/index.ts";
import { portsOf } from "./ports.ts";
import { selectContainers } from "./select.ts";
import { statusText } from "./status_text.ts";

export async function list(daemon: Daemon, call: Call): Promise<void> {
  const { containers } = daemon.engine;
  const found = await selectContainers(daemon, call, await containers.overview());
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
  const { record, hostConfig, imageName, status, mounts, networks } = container;
  const { Annotations } = hostConfig;
  return {
    Id: record.ID,
    Names: [record.Name],
    Image: imageName,
    ImageID: record.Image,
    Command: [record.Path, ...record.Args.map(quoted)].join(" "),
    Created: Math.floor(Date.parse(record.Created) / 1000),
    Ports: portsOf(record),
    Labels: record.Config.Labels ?? {},
    State: status,
    Status: statusText(container, now),
    HostConfig: {
      NetworkMode: hostConfig.NetworkMode,
      ...(call.isAtLeast("1.46") && Annotations !== undefined && { Annotations }),
    },
    NetworkSettings: { Networks: networks },
    Mounts: mounts,
  };
}

/** Docker quotes arguments that hold a blank with single quotes. */
function quoted(argument: string): string {
  return argument.includes(" ") ? `'${argument}'` : argument;
}
