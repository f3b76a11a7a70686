/** Volumes (Engine API, Volume; behaviour B181). */
import type { Daemon, VolumeFilter } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import {
  dictionary,
  Filters,
  pointer,
  readBody,
  struct,
  text,
  type Call,
  type Route,
} from "../http/index.ts";

export function volumeRoutes(daemon: Daemon): Route[] {
  const { volumes } = daemon.engine;
  return [
    { method: "GET", path: "/volumes", handle: (call) => list(daemon, call) },
    { method: "POST", path: "/volumes/create", handle: (call) => create(daemon, call) },
    { method: "POST", path: "/volumes/prune", handle: (call) => prune(daemon, call) },
    {
      method: "GET",
      path: "/volumes/:name*",
      handle: async (call) => call.reply(200, await volumes.inspect(call.param("name"))),
    },
    {
      method: "PUT",
      path: "/volumes/:name*",
      since: "1.42",
      handle: () => {
        const why = "volume update only valid for cluster volumes, but swarm is unavailable";
        throw new Failure("unavailable", why);
      },
    },
    {
      method: "DELETE",
      path: "/volumes/:name*",
      handle: async (call) => {
        await volumes.remove(call.param("name"), { force: call.flag("force") });
        call.done();
      },
    },
  ];
}

/** moby, api/types/volume, `CreateOptions`. */
const createShape = struct("volume.CreateOptions", {
  Name: text,
  Driver: text,
  DriverOpts: dictionary(text),
  Labels: dictionary(text),
  ClusterVolumeSpec: pointer(struct("volume.ClusterVolumeSpec", {})),
});

async function create({ engine }: Daemon, call: Call): Promise<void> {
  const { Name, Driver, DriverOpts, Labels, ClusterVolumeSpec } = readBody(createShape, await call.json());
  if (ClusterVolumeSpec !== null && call.isAtLeast("1.42")) {
    throw new Failure("unavailable", "cannot create a cluster volume: this engine has local volumes only");
  }
  const volume = await engine.volumes.create({
    name: Name,
    driver: Driver,
    options: DriverOpts ?? {},
    labels: Labels ?? {},
  });
  call.reply(201, volume);
}

async function list({ engine }: Daemon, call: Call): Promise<void> {
  const filters = Filters.parse(call.query.get("filters"), ["dangling", "driver", "label", "name"]);
  const wanted: VolumeFilter = {
    names: filters.get("name"),
    drivers: filters.get("driver"),
    labels: filters.get("label"),
    ...(filters.has("dangling") && { dangling: filters.boolean("dangling", false) }),
  };
  call.reply(200, { Volumes: await engine.volumes.list(wanted), Warnings: null });
}

/** Before 1.42 clients meant all volumes, not just those without a name. */
async function prune({ engine }: Daemon, call: Call): Promise<void> {
  const filters = Filters.parse(call.query.get("filters"), ["all", "label", "label!"]);
  const pruned = await engine.volumes.prune({
    all: filters.boolean("all", false) || !call.isAtLeast("1.42"),
    labels: filters.get("label"),
    withoutLabels: filters.get("label!"),
  });
  call.reply(200, pruned);
}
