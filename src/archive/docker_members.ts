/**
 * The layout of Docker 1.10 to 24: configs, `manifest.json`, and for older Dockers one directory a layer with
 * `VERSION`, `json` and `layer.tar`, and `repositories` (moby, image/tarexport/save.go; behaviours B098 to B100).
 */
import { chainIds, familiarName, goJson, hexOf, v1Id, type DiffId, type ImageConfig } from "../oci/index.ts";
import { textMember, type Member } from "./member.ts";
import { layerContent, manifestItem, type LoadedImage } from "./loaded_image.ts";
import { v1Body } from "./v1_body.ts";

export async function dockerMembers(images: readonly LoadedImage[], signal: AbortSignal): Promise<Member[]> {
  const members = new Map<string, Member>();
  const add = (member: Member): void => void members.set(member.name, member);
  const placed = new Map<DiffId, string>();
  const manifest: object[] = [];
  const tops: [LoadedImage, string][] = [];
  for (const image of images) {
    const layers = v1Layers(image);
    const mtime = createdSeconds(image.config);
    for (const [index, layer] of layers.entries()) {
      if (members.has(layer.id)) continue;
      add({ name: layer.id, mtime, content: { kind: "directory" } });
      add(textMember(`${layer.id}/VERSION`, "1.0", mtime));
      add(textMember(`${layer.id}/json`, layer.json, mtime));
      add(await layerMember(image, index, `${layer.id}/layer.tar`, placed, signal));
    }
    const config = `${hexOf(image.view.imageId)}.json`;
    add({ name: config, mtime, content: { kind: "bytes", bytes: image.configBytes } });
    manifest.push(
      manifestItem(
        image,
        config,
        layers.map(({ id }) => `${id}/layer.tar`),
        images,
      ),
    );
    const top = layers.at(-1);
    if (top !== undefined) tops.push([image, top.id]);
  }
  add(textMember("manifest.json", `${goJson(manifest)}\n`, 0));
  const repositories = repositoriesOf(tops);
  if (repositories !== undefined) add(textMember("repositories", `${repositories}\n`, 0));
  return [...members.values()];
}

/** A tar that the archive holds already is a link to it. */
async function layerMember(
  image: LoadedImage,
  index: number,
  name: string,
  placed: Map<DiffId, string>,
  signal: AbortSignal,
): Promise<Member> {
  const mtime = createdSeconds(image.config);
  const layer = image.view.layers[index] as LoadedImage["view"]["layers"][number];
  const diffId = (image.config.rootfs.diff_ids ?? [])[index] as DiffId;
  const earlier = placed.get(diffId);
  if (earlier !== undefined) return { name, mtime, content: { kind: "symlink", target: `../${earlier}` } };
  placed.set(diffId, name);
  return { name, mtime, content: await layerContent(layer, diffId, signal) };
}

interface V1Layer {
  readonly id: string;
  readonly json: string;
}

/** Each layer as the image that it was before Docker 1.10: only the top one has a config of its own. */
function v1Layers(image: LoadedImage): V1Layer[] {
  const chain = chainIds(image.config.rootfs.diff_ids ?? []);
  const layers: V1Layer[] = [];
  for (const [index, layerId] of chain.entries()) {
    const parent = layers.at(-1)?.id;
    const top = index === chain.length - 1;
    const body = top ? v1Body(image.config) : v1Body({ created: "1970-01-01T00:00:00Z" });
    const id = v1Id(body, layerId, parent);
    const shown = { id, ...(parent !== undefined && { parent }), ...body, os: image.config.os };
    layers.push({ id, json: goJson(shown) });
  }
  return layers;
}

function createdSeconds(config: ImageConfig): number {
  const time = Date.parse(config.created ?? "");
  return Number.isNaN(time) ? 0 : Math.floor(time / 1000);
}

/** `{"repo":{"tag":"<top v1 id>"}}`, keys sorted as Go sorts maps; undefined when no image has a name. */
export function repositoriesOf(tops: readonly (readonly [LoadedImage, string])[]): string | undefined {
  const repositories = new Map<string, Map<string, string>>();
  for (const [image, id] of tops) {
    for (const name of image.names) {
      const repository = familiarName(name);
      const tags = repositories.get(repository) ?? new Map<string, string>();
      repositories.set(repository, tags.set(name.tag ?? "latest", id));
    }
  }
  if (repositories.size === 0) return undefined;
  const plain = Object.fromEntries([...repositories].map(([name, tags]) => [name, Object.fromEntries(tags)]));
  return goJson(plain, { sortKeys: true });
}
