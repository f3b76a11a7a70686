/**
 * Generation 1, from before Docker 1.10: a directory a layer with `json` and `layer.tar`, and `repositories` with names
 * (behaviours B098, B107). Each layer was an image then, so each becomes one, chained by its parent, with the ID that
 * Docker gives it (moby, image/tarexport/load.go, `legacyLoadImage`).
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
import { configView } from "./config_view.ts";
import { tarLayer } from "./layer_views.ts";
import type { ArchiveImage } from "./types.ts";
import { v1Body } from "./v1_body.ts";

interface V1Json extends Partial<ImageConfig> {
  readonly id: string;
  readonly parent?: string;
  readonly comment?: string;
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
const layerJson = /^([0-9a-f]{64})\/json$/;

/** Whether the archive has layer directories or their names. */
export function hasV1Images(file: ArchiveFile): boolean {
  return file.has("repositories") || file.names().some((name) => layerJson.test(name));
}

/**
 * All images, parents before their children. Without `repositories` (saved by ID) they have no names. Reads every layer,
 * since nothing in such an archive says what its tar hashes to.
 */
export async function readV1Images(file: ArchiveFile, signal: AbortSignal): Promise<ArchiveImage[]> {
  const names = await namesByLayer(file);
  const layers = file.names().flatMap((name) => layerJson.exec(name)?.[1] ?? []);
  const done = new Map<string, Step>();
  for (const top of new Set([...names.keys(), ...layers])) {
    for (const layer of await stackOf(file, top, done)) {
      const below = layer.parent === undefined ? undefined : done.get(layer.parent);
      done.set(layer.id, await makeStep(file, layer, below, names.get(layer.id) ?? [], signal));
    }
  }
  return [...done.values()].map((step) => step.image);
}

/** v1 ID to the names that lead to it: `{"repo":{"tag":"<id>"}}`. */
async function namesByLayer(file: ArchiveFile): Promise<Map<string, Reference[]>> {
  const names = new Map<string, Reference[]>();
  if (!file.has("repositories")) return names;
  const what = "repositories of the archive";
  const parsed = parseJson(await file.read("repositories", maxJson), { maxBytes: maxJson, what });
  for (const [repository, tags] of Object.entries((parsed ?? {}) as object)) {
    for (const [tag, id] of Object.entries((tags ?? {}) as object)) {
      if (typeof id !== "string") throw new Failure("invalid", `${what}: ${repository}:${tag} is not a text`);
      names.set(id, [...(names.get(id) ?? []), parseReference(`${repository}:${tag}`)]);
    }
  }
  return names;
}

/** The layers from the lowest that is not `done` up to `top`. */
async function stackOf(file: ArchiveFile, top: string, done: ReadonlyMap<string, Step>): Promise<V1Json[]> {
  const stack: V1Json[] = [];
  for (let id: string | undefined = top; id !== undefined && id !== "" && !done.has(id);) {
    if (stack.length >= maxDepth)
      throw new Failure("limit", `layers of the archive are chained deeper than ${maxDepth}`);
    if (!/^[0-9a-f]{64}$/.test(id))
      throw new Failure("invalid", `bad layer ID ${JSON.stringify(id)} in the archive`);
    const json = await readJson(file, id);
    stack.push(json);
    id = json.parent;
  }
  return stack.reverse();
}

async function readJson(file: ArchiveFile, id: string): Promise<V1Json> {
  const what = `${id}/json of the archive`;
  const json = parseJson(await file.read(`${id}/json`, maxJson), { maxBytes: maxJson, what });
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new Failure("invalid", `${what} is not an object`);
  for (const key of ["parent", "created", "author", "comment", "docker_version"] as const) {
    const value: unknown = (json as Partial<V1Json>)[key];
    if (value !== undefined && typeof value !== "string")
      throw new Failure("invalid", `${what}: ${key} is not a text`);
  }
  return { ...json, id };
}

async function makeStep(
  file: ArchiveFile,
  json: V1Json,
  below: Step | undefined,
  names: readonly Reference[],
  signal: AbortSignal,
): Promise<Step> {
  const member = `${json.id}/layer.tar`;
  const members = [...(below?.members ?? []), member];
  const diffIds = [...(below?.diffIds ?? []), await diffIdOf(file, member, signal)];
  const history = [...(below?.history ?? []), historyRow(json)];
  const config = { ...keptOf(json), rootfs: { type: "layers", diff_ids: diffIds }, history };
  const bytes = Buffer.from(goJson(config, { sortKeys: "top" }), "utf8");
  const view = configView(
    bytes,
    (diffId, index) => tarLayer(file, members[index] as string, diffId),
    members.length,
  );
  const image = { view, names, ...(below !== undefined && { parent: below.imageId }) };
  return { image, diffIds, members, history, imageId: view.imageId };
}

/**
 * The parts of the old config that stay (moby, image/v1/imagev1.go, `MakeConfigFromV1Config`). What a Docker before
 * 1.8.3 wrote, or nobody says who, is first brought into the shape of today's.
 */
function keptOf(json: V1Json): object {
  const shaped = isBefore183(json.docker_version ?? "") ? v1Body(json) : json;
  const dropped = new Set(["id", "parent", "Size", "parent_id", "layer_id", "throwaway"]);
  return Object.fromEntries(Object.entries(shaped).filter(([key]) => !dropped.has(key)));
}

/** As moby's versions.LessThan: part by part, what is no number counts as 0. */
function isBefore183(version: string): boolean {
  const parts = version.split(".").map((part) => (/^[0-9]+$/.test(part) ? Number(part) : 0));
  for (const [i, bound] of [1, 8, 3].entries()) {
    const part = parts[i] ?? 0;
    if (part !== bound) return part < bound;
  }
  return false;
}

/** In the order of Docker's struct; Go writes a time that is not there as its zero. */
function historyRow(json: V1Json): HistoryRow {
  const words: unknown = json.container_config?.Cmd;
  const command = Array.isArray(words) ? words.join(" ") : undefined;
  return {
    created: json.created ?? "0001-01-01T00:00:00Z",
    ...(json.author && { author: json.author }),
    ...(command && { created_by: command }),
    ...(json.comment && { comment: json.comment }),
  };
}

async function diffIdOf(file: ArchiveFile, member: string, signal: AbortSignal): Promise<DiffId> {
  const hash = createHash("sha256");
  for await (const chunk of decompress(file.stream(member), { signal })) hash.update(chunk);
  return `sha256:${hash.digest("hex")}` as DiffId;
}
