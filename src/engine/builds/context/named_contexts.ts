/** `--build-context NAME=…`: further sources of files, which stages of that name and images give way to. */
import { openArchive } from "../../../archive/index.ts";
import { openDirectorySource, openTarSource, type SourceTree } from "../../../build/index.ts";
import { fromFile, type ByteSource } from "../../../bytes/index.ts";
import { Failure } from "../../../errors.ts";
import { treeTar } from "../../../layer/index.ts";
import {
  familiarReference,
  isDigest,
  parseReference,
  withDefaultTag,
  type Reference,
} from "../../../oci/index.ts";
import { receiveImage, type Store } from "../../../store/index.ts";
import { checkoutGit } from "./git_checkout.ts";
import { parseGitReference } from "./git_reference.ts";
import { kindOfContext } from "./local_context.ts";
import { isArchiveHead, peekSource } from "./peek_source.ts";
import { withoutIgnored } from "./read_in_tree.ts";
import type { ContextPlace, OpensTree } from "./types.ts";

export type NamedContext = SourceTree | { readonly image: string };

export interface NamedContextOptions extends ContextPlace {
  readonly store: Store;
  readonly fetchUrl: (url: string) => Promise<{ readonly content: ByteSource }>;
}

/**
 * Opens each context: a directory, `docker-image://NAME`, `oci-layout://DIRECTORY[:TAG|@DIGEST]`, a tar (a file or a
 * URL), or a git reference. What was opened goes onto `open`. Throws `Failure("not-found")`, `Failure("invalid")`.
 */
export async function openNamedContexts(
  contexts: ReadonlyMap<string, string | OpensTree>,
  open: AsyncDisposableStack,
  options: NamedContextOptions,
): Promise<Map<string, NamedContext>> {
  const opened = new Map<string, NamedContext>();
  for (const [name, spec] of contexts)
    opened.set(contextName(name), await openNamed(name, spec, open, options));
  return opened;
}

/** As stages and images are looked up: an image's name may go with or without its defaults. */
function contextName(name: string): string {
  if (/^[A-Za-z0-9][\w.-]*$/.test(name)) return name.toLowerCase();
  return familiarReference(withDefaultTag(parseReference(name)));
}

async function openNamed(
  name: string,
  spec: string | OpensTree,
  open: AsyncDisposableStack,
  options: NamedContextOptions,
): Promise<NamedContext> {
  if (typeof spec !== "string") return open.use(await spec(options));
  if (spec.startsWith("docker-image://")) return { image: spec.slice("docker-image://".length) };
  if (spec.startsWith("oci-layout://"))
    return { image: await fromLayout(spec.slice("oci-layout://".length), options) };
  const git = parseGitReference(spec);
  if (git !== undefined) {
    const { directory } = open.use(await checkoutGit(git, options));
    return open.use(openDirectorySource(directory, { name }));
  }
  if (/^https?:\/\//.test(spec)) return openTar(name, (await options.fetchUrl(spec)).content, open, options);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(spec))
    throw new Failure(
      "invalid",
      `unsupported context source ${spec.slice(0, spec.indexOf(":"))} for ${name}`,
    );
  if ((await kindOfContext(spec)) === "directory")
    return withoutIgnored(open.use(openDirectorySource(spec, { name })), undefined).files;
  return openTar(name, fromFile(spec, options), open, options);
}

async function openTar(
  name: string,
  source: ByteSource,
  open: AsyncDisposableStack,
  { temporaryDirectory, signal }: NamedContextOptions,
): Promise<SourceTree> {
  const { first: head, whole: content, close } = await peekSource(source);
  if (!isArchiveHead(head)) {
    await close();
    throw new Failure("invalid", `build context ${name} is neither a directory nor a tar`);
  }
  return open.use(await openTarSource(content, { name, directory: temporaryDirectory, signal }));
}

/** Brings an image of the layout into the store, without a name, and returns its ID. */
async function fromLayout(
  spec: string,
  { store, signal, temporaryDirectory }: NamedContextOptions,
): Promise<string> {
  const { directory, tag, digest } = splitLayout(spec);
  if ((await kindOfContext(directory)) !== "directory")
    throw new Failure("invalid", `${directory} is no directory with an OCI layout`);
  await using archive = await openArchive(treeTar(directory, { signal }), { signal, temporaryDirectory });
  const isWanted = (names: readonly Reference[], ids: readonly (string | undefined)[]): boolean =>
    digest === undefined ? tag === undefined || names.some((name) => name.tag === tag) : ids.includes(digest);
  const found = archive.images.filter(({ view, names }) =>
    isWanted(names, [view.imageId, view.manifest?.descriptor.digest, view.referenceDigest]),
  );
  const [image] = found;
  if (image === undefined)
    throw new Failure(
      "not-found",
      `the OCI layout ${directory} has no image ${tag ?? digest ?? ""}`.trimEnd(),
    );
  if (found.length > 1)
    throw new Failure("invalid", `the OCI layout ${directory} has ${found.length} images`, {
      hint: "Say which: oci-layout://DIRECTORY:TAG or oci-layout://DIRECTORY@DIGEST",
    });
  return (await receiveImage(store, image.view, [], { signal })).imageId;
}

function splitLayout(spec: string): {
  readonly directory: string;
  readonly tag?: string;
  readonly digest?: string;
} {
  // A directory's name may have both signs.
  const at = spec.lastIndexOf("@");
  const digest = spec.slice(at + 1);
  if (at >= 0 && isDigest(digest)) return { directory: spec.slice(0, at), digest };
  const colon = spec.lastIndexOf(":");
  if (colon <= spec.lastIndexOf("/")) return { directory: spec };
  return { directory: spec.slice(0, colon), tag: spec.slice(colon + 1) };
}
