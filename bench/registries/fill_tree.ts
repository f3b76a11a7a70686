/** Many small repositories in distribution's tree, written as a registry would have written them. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { digestOf, mediaTypes, type Digest } from "../../src/oci/index.ts";

const config = Buffer.from("{}");
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: { mediaType: mediaTypes.dockerConfig, digest: digestOf(config), size: config.length },
    layers: [],
  }),
);
const atOnce = 16;

/** `team-03/app-0042`: sorted by name they are in the order of their numbers. */
export function repositoryName(index: number): string {
  const [team, app] = [Math.floor(index / 100), index].map((number) => String(number).padStart(5, "0"));
  return `team-${team}/app-${app}`;
}

export const filledTag = "1";

/** Adds the repositories `from` to `to - 1`, each with one tag of one manifest, the same everywhere. */
export async function fillTree(root: string, from: number, to: number): Promise<void> {
  const tree = join(root, "docker/registry/v2");
  for (const bytes of [config, manifest]) {
    const hex = hexOf(digestOf(bytes));
    await put(join(tree, "blobs/sha256", hex.slice(0, 2), hex, "data"), bytes);
  }
  let next = from;
  const work = async (): Promise<void> => {
    while (next < to) await fillRepository(join(tree, "repositories", repositoryName(next++)));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

async function fillRepository(directory: string): Promise<void> {
  const [image, layer] = [digestOf(manifest), digestOf(config)];
  const tag = `_manifests/tags/${filledTag}`;
  const links: readonly [string, Digest][] = [
    [`_layers/sha256/${hexOf(layer)}/link`, layer],
    [`_manifests/revisions/sha256/${hexOf(image)}/link`, image],
    [`${tag}/index/sha256/${hexOf(image)}/link`, image],
    [`${tag}/current/link`, image],
  ];
  for (const [path, digest] of links) await put(join(directory, path), digest);
}

async function put(file: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}
