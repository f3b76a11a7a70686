/** `POST /images/{name}/tag`, `DELETE /images/{name}`, `POST /images/prune`. */
import type { Daemon, ImageSummary, RemovedLine } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import { familiarReference, parseReference, withDefaultTag } from "../../../oci/index.ts";
import { Filters, parseMoment, type Call } from "../../http/index.ts";
import { tellImage } from "./image_events.ts";
import { nameWithTag } from "./name_with_tag.ts";

export async function tag(daemon: Daemon, call: Call): Promise<void> {
  const { images } = daemon.engine;
  const name = nameWithTag(call.query.get("repo") ?? "", call.query.get("tag") ?? "");
  if (name === undefined) throw new Failure("invalid", "invalid reference format");
  if (name === "sha256" || name.startsWith("sha256:"))
    throw new Failure("invalid", "refusing to create an ambiguous tag using digest algorithm as name");
  const { id } = await images.resolve(call.param("name"));
  await images.tag(id, name);
  await tellImage(daemon, "tag", id, familiarReference(withDefaultTag(parseReference(name))));
  call.done(201);
}

export async function remove(daemon: Daemon, call: Call): Promise<void> {
  const { images } = daemon.engine;
  const name = call.param("name");
  const { id } = await images.resolve(name);
  const before = await imageIds(daemon);
  const lines = await images.remove(name, { force: call.flag("force"), noPrune: call.flag("noprune") });
  await tellRemoved(daemon, lines, before, id);
  call.reply(200, lines);
}

async function imageIds({ engine }: Daemon): Promise<ReadonlySet<string>> {
  return new Set(await engine.store.images.list());
}

/** Only images are told of, not layers; all names were those of the image that was asked for. */
async function tellRemoved(
  daemon: Daemon,
  lines: readonly RemovedLine[],
  images: ReadonlySet<string>,
  untagged: string,
): Promise<void> {
  for (const line of lines) {
    if ("Untagged" in line) await tellImage(daemon, "untag", untagged);
    else if (images.has(line.Deleted)) await tellImage(daemon, "delete", line.Deleted);
  }
}

export async function prune(daemon: Daemon, call: Call): Promise<void> {
  const filters = Filters.parse(call.query.get("filters"), ["dangling", "label", "label!", "until"]);
  const all = !filters.boolean("dangling", true);
  const until = Math.min(Infinity, ...filters.get("until").map((text) => parseMoment(text)));
  const only = ({ created, labels }: ImageSummary): boolean =>
    created < until && filters.admitsLabels(labels) && !excluded(filters, labels);
  const before = await imageIds(daemon);
  const { removed, spaceReclaimed } = await daemon.engine.images.prune({ all, only });
  for (const line of removed) {
    if ("Deleted" in line && before.has(line.Deleted)) await tellImage(daemon, "delete", line.Deleted);
  }
  daemon.events.tell("image", "prune", "", { reclaimed: String(spaceReclaimed) });
  call.reply(200, {
    ImagesDeleted: removed.length === 0 ? null : removed,
    SpaceReclaimed: spaceReclaimed,
  });
}

function excluded(filters: Filters, labels: Readonly<Record<string, string>>): boolean {
  return filters.has("label!") && filters.admitsLabels(labels, "label!");
}
