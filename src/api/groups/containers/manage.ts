/** `rename` and `prune` (Engine API, Container; B178). */
import { tellContainer, type ContainerRecord, type Daemon } from "../../../engine/index.ts";
import { ApiError, Filters, parseMoment, type Call } from "../../http/index.ts";

export async function rename(daemon: Daemon, call: Call): Promise<void> {
  const { Name, ID } = await daemon.live.find(call.param("id"));
  const renamed = await daemon.engine.containers.rename(ID, call.query.get("name") ?? "");
  tellContainer(daemon.events, "rename", renamed, { oldName: Name });
  call.done();
}

export async function prune(daemon: Daemon, call: Call): Promise<void> {
  const filters = Filters.parse(call.query.get("filters"), ["label", "label!", "until"]);
  const until = untilOf(filters);
  const { removed, spaceReclaimed } = await daemon.engine.containers.prune({
    only: (record) => isChosen(record, filters, until),
    remove: (id) => daemon.live.remove(id),
    signal: call.signal,
  });
  call.reply(200, {
    ContainersDeleted: removed.length === 0 ? null : removed,
    SpaceReclaimed: spaceReclaimed,
  });
}

function untilOf(filters: Filters): number | undefined {
  const [until, another] = filters.get("until");
  if (another !== undefined) throw new ApiError(400, "more than one until filter specified");
  return until === undefined ? undefined : parseMoment(until);
}

function isChosen(
  { Created, Config }: ContainerRecord,
  filters: Filters,
  until: number | undefined,
): boolean {
  const labels = Config.Labels ?? {};
  if (until !== undefined && Date.parse(Created) > until) return false;
  if (filters.has("label!") && filters.admitsLabels(labels, "label!")) return false;
  return filters.admitsLabels(labels);
}
