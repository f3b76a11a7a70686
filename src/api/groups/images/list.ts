/** `GET /images/json` (moby, daemon/server/router/image and daemon/images/images.go). */
import type { Daemon, ImageSummary } from "../../../engine/index.ts";
import { Filters, parseMoment, type Call } from "../../http/index.ts";

const known = ["dangling", "label", "before", "since", "reference", "until"];

export async function list({ engine }: Daemon, call: Call): Promise<void> {
  const filters = Filters.parse(call.query.get("filters"), known);
  const { images } = engine;
  const imageOf = async (name: "before" | "since") => {
    const [value] = filters.get(name);
    return value === undefined ? {} : { [name]: await images.resolve(value) };
  };
  const references = [...filters.get("reference"), ...oldFilter(call, filters)];
  const found = await images.list({
    all: call.flag("all"),
    ...(references.length > 0 && { reference: references }),
    ...(filters.has("dangling") && { dangling: filters.boolean("dangling", false) }),
    labels: filters.get("label"),
    ...(await imageOf("before")),
    ...(await imageOf("since")),
  });
  const until = Math.min(Infinity, ...filters.get("until").map((text) => parseMoment(text)));
  const shown = found.filter(({ created }) => created < until);
  const wantsShared = call.isAtLeast("1.42") && call.flag("shared-size");
  const shared = wantsShared ? await sharedSizes(engine.images) : undefined;
  call.reply(
    200,
    shown.map((image) => shape(call, image, shared?.get(image.id) ?? -1)),
  );
}

/** `filter=NAME` of versions before there was `reference`. */
function oldFilter(call: Call, filters: Filters): string[] {
  const old = call.isAtLeast("1.41") || filters.has("reference") ? null : call.query.get("filter");
  return old === null || old === "" ? [] : [old];
}

/** Bytes of layers that other images have, too. */
async function sharedSizes(images: Daemon["engine"]["images"]): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  const open = [...(await images.tree())];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    sizes.set(node.id, node.shared);
    open.push(...node.children);
  }
  return sizes;
}

/** An entry of the list. @param shared bytes; -1: not asked for @param containers that use it; likewise */
export function shape(call: Call, image: ImageSummary, shared: number, containers = -1): object {
  return {
    Containers: containers,
    Created: Math.floor(image.created / 1000),
    Id: image.id,
    Labels: Object.keys(image.labels).length === 0 ? null : image.labels,
    ParentId: image.parentId,
    ...names(call, image),
    SharedSize: shared,
    Size: image.size,
    // Gone in newer versions; the layers that Docker once counted twice are long gone, too.
    ...(!call.isAtLeast("1.44") && { VirtualSize: image.size }),
  };
}

function names(call: Call, { repoTags, repoDigests }: ImageSummary): object {
  if (call.isAtLeast("1.43")) return { RepoDigests: repoDigests, RepoTags: repoTags };
  if (repoTags.length === 0 && repoDigests.length === 0)
    return { RepoDigests: ["<none>@<none>"], RepoTags: ["<none>:<none>"] };
  const orNull = (list: readonly string[]) => (list.length === 0 ? null : list);
  return { RepoDigests: orNull(repoDigests), RepoTags: orNull(repoTags) };
}
