/** What a build needs of the world, from this engine's parts. */
import type { BuildServices, StepRunner } from "../../build/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import { formatPlatform, type Platform } from "../../oci/index.ts";
import type { Session, Store, StoredImage } from "../../store/index.ts";
import type { Images } from "../images/index.ts";
import { checkoutGit } from "./context/git_checkout.ts";
import { parseGitReference } from "./context/git_reference.ts";

/** Where the images of `FROM` come from. */
export type BaseImages = Pick<Images, "resolve" | "pull">;

/** @param session what is fetched lies in its directory: on the store's disk, and gone with it */
export function buildServices(
  store: Store,
  images: BaseImages,
  runner: StepRunner,
  session: Session,
): BuildServices {
  return {
    store,
    runner,
    image: (name, options) => baseImage(images, name, options),
    fetchUrl: async (url, options) => (await import("../../remote/index.ts")).fetchUrl(url, options),
    async fetchGit(reference, options) {
      const parsed = parseGitReference(reference) ?? githubPage(reference);
      if (parsed === undefined) throw new Failure("invalid", `${reference} is no git reference`);
      return checkoutGit(parsed, { ...options, temporaryDirectory: session.directory });
    },
  };
}

/** `https://github.com/OWNER/NAME`, which is a repository though it does not end in `.git`. */
function githubPage(text: string): ReturnType<typeof parseGitReference> {
  const path = /^https:\/\/(github\.com\/[^/?#]+\/[^/?#]+(?:#.*)?)$/.exec(text)?.[1];
  return path === undefined ? undefined : parseGitReference(path);
}

/** As `docker build`: what is here, if it is for the platform, else (or always, with `pull`) what the registry has. */
async function baseImage(
  images: BaseImages,
  name: string,
  { platform, pull, signal, report }: Parameters<BuildServices["image"]>[1],
): Promise<StoredImage> {
  const here = await images.resolve(name).catch((error: unknown) => {
    if (isFailure(error, "not-found")) return undefined;
    throw error;
  });
  if (!pull && here !== undefined && suits(here, platform)) return here;
  const isId = here !== undefined && (here.id === name || here.id.slice(7).startsWith(name));
  // No registry knows an ID.
  if (isId) return here;
  const { imageId } = await images.pull(name, { platform, signal, ...(report && { report }) });
  return images.resolve(imageId);
}

/** An image of an old builder, which says of no architecture, runs anywhere. */
function suits({ config }: StoredImage, platform: Platform): boolean {
  const { os, architecture, variant } = config;
  if (architecture === "") return true;
  const own = formatPlatform({ os, architecture, ...(variant !== undefined && { variant }) });
  return own === formatPlatform(platform);
}
