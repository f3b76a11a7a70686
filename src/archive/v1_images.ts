/**
 * Generation 1, from before Docker 1.10: `repositories` and a directory a layer with `json` and `layer.tar`
 * (behaviours B098, B107). Each layer was an image then, so each becomes one, chained by its parent.
 */
import { createHash } from "node:crypto";
import { decompress } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import {
  goJson,
  parseJson,
  parseReference,
  type DiffId,
  type HistoryRow,
  type ImageConfig,
  type ImageId,
  type Reference,
} from "../oci/index.ts";
import type { ArchiveFile } from "./archive_file.ts";
import { configView } from "./docker_images.ts";
import { tarLayer } from "./layer_views.ts";
import type { ArchiveImage } from "./types.ts";

interface V1Json extends Record<string, unknown> {
  readonly id: string;
  readonly parent?: string;
  readonly created?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly container_config?: { readonly Cmd?: readonly string[] | null };
  readonly throwaway?: boolean;
}

interface Step {
  readonly image: ArchiveImage;
  readonly diffIds: readonly DiffId[];
  readonly members: readonly string[];
  readonly history: readonly HistoryRow[];
  readonly imageId: ImageId;
}

const maxJson = 4 << 20;
const maxDepth = 1024;

export async function readV1Images(file: ArchiveFile): Promise<ArchiveImage[]> {
  const repositories = parseJson(await file.read("repositories", maxJson), { maxBytes: maxJson });
  const names = namesByLayer(repositories);
  const done = new Map<string, Step>();
  const images: ArchiveImage[] = [];
  for (const top of names.keys()) {
    for (const layer of await stackOf(file, top)) {
      if (done.has(layer.id)) continue;
      const step = await makeStep(file, layer, done.get(layer.parent ?? ""), names.get(layer.id) ?? []);
      done.set(layer.id, step);
      images.push(step.image);
    }
  }
  return images;
}

/** v1 ID to the names that lead to it: `{"repo":{"tag":"<id>"}}`. */
function namesByLayer(repositories: unknown): Map<string, Reference[]> {
  const names = new Map<string, Reference[]>();
  for (const [repository, tags] of Object.entries(
    (repositories ?? {}) as Record<string, Record<string, string>>,
  )) {
    for (const [tag, id] of Object.entries(tags)) {
      names.set(id, [...(names.get(id) ?? []), parseReference(`${repository}:${tag}`)]);
    }
  }
  return names;
}

/** The layers from the base up to `top`. */
async function stackOf(file: ArchiveFile, top: string): Promise<V1Json[]> {
  const stack: V1Json[] = [];
  for (let id: string | undefined = top; id !== undefined && id !== ""; id = stack.at(-1)?.parent) {
    if (stack.length >= maxDepth)
      throw new Failure("limit", `layers of the archive are chained deeper than ${maxDepth}`);
    if (!/^[0-9a-f]{64}$/.test(id))
      throw new Failure("invalid", `bad layer ID ${JSON.stringify(id)} in the archive`);
    const json = parseJson(await file.read(`${id}/json`, maxJson), { maxBytes: maxJson }) as V1Json;
    stack.push({ ...json, id });
  }
  return stack.reverse();
}

async function makeStep(
  file: ArchiveFile,
  json: V1Json,
  below: Step | undefined,
  names: readonly Reference[],
): Promise<Step> {
  const member = `${json.id}/layer.tar`;
  const members = [...(below?.members ?? []), member];
  const diffIds = [...(below?.diffIds ?? []), await diffIdOf(file, member)];
  const history = [...(below?.history ?? []), historyRow(json)];
  const {
    id: _id,
    parent: _parent,
    parent_id: _parentId,
    layer_id: _layerId,
    throwaway: _,
    Size: _size,
    ...kept
  } = json;
  // What the archive does not say stays unsaid, as in Docker, whose image IDs come out of this (image.MakeConfigFromV1Config).
  const config = {
    ...kept,
    history,
    rootfs: { type: "layers", diff_ids: diffIds },
  } as unknown as ImageConfig;
  const bytes = Buffer.from(goJson(config, { sortKeys: "top" }), "utf8");
  const view = configView(
    bytes,
    (diffId, index) => tarLayer(file, members[index] as string, diffId),
    members.length,
  );
  const image = { view, names, ...(below !== undefined && { parent: below.imageId }) };
  return { image, diffIds, members, history, imageId: view.imageId };
}

function historyRow(json: V1Json): HistoryRow {
  const command = json.container_config?.Cmd?.join(" ");
  return {
    ...(json.created !== undefined && { created: json.created }),
    ...(json.author !== undefined && { author: json.author }),
    ...(command && { created_by: command }),
    ...(json.comment && { comment: json.comment }),
    ...(json.throwaway === true && { empty_layer: true }),
  };
}

async function diffIdOf(file: ArchiveFile, member: string): Promise<DiffId> {
  const hash = createHash("sha256");
  for await (const chunk of decompress(file.stream(member))) hash.update(chunk);
  return `sha256:${hash.digest("hex")}` as DiffId;
}
