import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseAddHost, parseSecret, type BuildRequest, type Engine } from "../../../src/engine/index.ts";
import { rootTar } from "../../../src/image/index.ts";
import { parsePlatform } from "../../../src/oci/index.ts";
import { besideOr, filledIn, type Surroundings } from "./build_flags.ts";
import type { PreparedCase } from "./prepare_context.ts";
import type { RawConfig } from "./summary.ts";
import { treeOfTar, type ImageTree } from "./tree_lines.ts";
import type { Case } from "./types.ts";

export type Mode = "default" | "classic";

const { signal } = new AbortController();

/** Builds the case as `<case>-<mode>:1`. Throws what the build throws. */
export async function buildOurs(
  engine: Engine,
  given: Case,
  prepared: PreparedCase,
  { mode, around }: { readonly mode: Mode; readonly around: Surroundings },
): Promise<{ readonly raw: RawConfig; readonly tree: ImageTree }> {
  const common: BuildRequest = {
    context: prepared.context,
    network: "none",
    signal,
    ...(mode === "classic" && { mode }),
  };
  const base = join(prepared.beside, "base.Dockerfile");
  const tags = [`${given.name.toLowerCase()}-base:1`];
  if (existsSync(base)) await engine.builds.build({ ...common, file: base, tags });
  const { image } = await engine.builds.build({
    ...common,
    ...requestOf(given, prepared, around),
    tags: [nameOfOurs(given, mode)],
  });
  return {
    // As it is stored, without the order and the undefined values of our records.
    raw: JSON.parse(JSON.stringify(image.config)) as RawConfig,
    tree: await treeOfTar(rootTar(engine.store, image, { temporaryDirectory: prepared.beside, signal })),
  };
}

export const nameOfOurs = (given: Case, mode: Mode): string => `${given.name.toLowerCase()}-${mode}:1`;

function requestOf(given: Case, prepared: PreparedCase, around: Surroundings): Partial<BuildRequest> {
  const { file, target, labels, platform, network, ssh, ...rest } = given.options ?? {};
  const { buildArgs = {}, contexts = {}, secrets = {}, addHosts = [] } = rest;
  return {
    buildArgs: Object.fromEntries(
      Object.entries(buildArgs).map(([name, value]) => [name, filledIn(value, around)]),
    ),
    buildContexts: new Map(
      Object.entries(contexts).map(([name, value]) => [name, besideOr(value, prepared)] as const),
    ),
    secrets: new Map(
      Object.entries(secrets).map(([id, path]) => parseSecret(`id=${id},src=${besideOr(path, prepared)}`)),
    ),
    addHosts: addHosts.map(parseAddHost),
    ...(file !== undefined && { file: join(prepared.context, file) }),
    ...(target !== undefined && { target }),
    ...(labels && { labels }),
    ...(platform !== undefined && { platforms: [parsePlatform(platform)] }),
    ...(network && { network }),
    ...(ssh === true && { ssh: new Map([["default", around.agent]]) }),
  };
}
