/** `POST /images/{name}/tag`, `DELETE /images/{name}`, `POST /images/prune`. */
import type { Daemon, ImageSummary } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import { Filters, parseMoment, type Call } from "../../http/index.ts";
import { nameWithTag } from "./name_with_tag.ts";

export async function tag(daemon: Daemon, call: Call): Promise<void> {
  const { images } = daemon.engine;
  const name = nameWithTag(call.query.get("repo") ?? "", call.query.get("tag") ?? "");
  if (name === undefined) throw new Failure("invalid", "invalid reference format");
  if (name === "sha256" || name.startsWith("sha256:"))
    throw new Failure("invalid", "refusing to create an ambiguous tag using digest algorithm as name");
  const { id } = await images.resolve(call.param("name"));
  await images.tag(id, name);
  call.done(201);
}

export async function remove(daemon: Daemon, call: Call): Promise<void> {
  const { images } = daemon.engine;
  const name = call.param("name");
  if (name.trim() === "") throw new Failure("invalid", "image name cannot be blank");
  call.reply(200, await images.remove(name, { force: call.flag("force"), noPrune: call.flag("noprune") }));
}

export async function prune(daemon: Daemon, call: Call): Promise<void> {
  const filters = Filters.parse(call.query.get("filters"), ["dangling", "label", "label!", "until"]);
  const all = !filters.boolean("dangling", true);
  const until = Math.min(Infinity, ...filters.get("until").map((text) => parseMoment(text)));
  const only = ({ created, labels }: ImageSummary): boolean =>
    created < until && filters.admitsLabels(labels) && !excluded(filters, labels);
  const { removed, spaceReclaimed } = await daemon.engine.images.prune({ all, only });
  call.reply(200, {
    ImagesDeleted: removed.length === 0 ? null : removed,
    SpaceReclaimed: spaceReclaimed,
  });
}

function excluded(filters: Filters, labels: Readonly<Record<string, string>>): boolean {
  return filters.has("label!") && filters.admitsLabels(labels, "label!");
}
