/** `POST /build/prune`. */
import type { Daemon } from "../../../engine/index.ts";
import { Filters, parseMoment, type Call } from "../../http/index.ts";

export async function pruneBuildCache({ engine }: Daemon, call: Call): Promise<void> {
  const filters = Filters.parse(call.query.get("filters"), ["label", "label!", "until", "unused-for"]);
  const [until] = [...filters.get("until"), ...filters.get("unused-for")];
  // `docker system prune` hands its filters on. Nothing here has labels.
  if (!filters.admitsLabels({})) return call.reply(200, { CachesDeleted: null, SpaceReclaimed: 0 });
  const keepStorage = call.integer("reserved-space") || call.integer("keep-storage");
  const now = Date.now();
  const { deleted, spaceReclaimed } = await engine.system.pruneBuildCache({
    all: call.flag("all"),
    ...(until !== undefined && { unusedFor: now - parseMoment(until, now) }),
    ...(keepStorage && { keepStorage }),
    signal: call.signal,
  });
  call.reply(200, { CachesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: spaceReclaimed });
}
