/** What `varve build PATH|URL|-` means. */
import { openDirectorySource, openTarSource, type ContentMemory } from "../../../build/index.ts";
import { fromFile, type ByteSource } from "../../../bytes/index.ts";
import { Failure } from "../../../errors.ts";
import { checkoutGit } from "./git_checkout.ts";
import { parseGitReference, type GitReference } from "./git_reference.ts";
import { collectDockerfile, kindOfContext, openLocalContext } from "./local_context.ts";
import { isArchiveHead, peekSource } from "./peek_source.ts";
import { dockerfileInTree, readInTree, withoutIgnored } from "./read_in_tree.ts";
import type { DockerfileText, OpenedContext } from "./types.ts";

export interface ContextOptions {
  /**
   * `-f`: for a directory of this machine a path from the working directory, else one in the context; `-` is standard
   * input. Default: `Dockerfile` in the context.
   */
  readonly dockerfile?: string;
  readonly stdin: ByteSource;
  /** Digests of files that were read by earlier builds. */
  readonly memory?: ContentMemory;
  /** Where contexts from elsewhere are laid down. */
  readonly temporaryDirectory: string;
  /** Opens `http(s)://…`. */
  readonly fetchUrl: (url: string) => Promise<{ readonly content: ByteSource }>;
  readonly signal: AbortSignal;
}

const httpUrl = /^https?:\/\//;

/**
 * Opens a directory, a tar (a file, a URL, or `-` for standard input), a git reference, or a lone Dockerfile (a URL or
 * `-`), and reads its Dockerfile. Throws `Failure("not-found")` and `Failure("invalid")` in the words of Docker.
 */
export async function openContext(spec: string, options: ContextOptions): Promise<OpenedContext> {
  const given = await givenDockerfile(spec, options);
  if (spec === "-") return openStream(options.stdin, given, options);
  const git = parseGitReference(spec);
  if (git !== undefined) return openGit(git, given, options);
  if (httpUrl.test(spec)) return openStream((await options.fetchUrl(spec)).content, given, options);
  if ((await kindOfContext(spec)) === "directory") {
    const { memory } = options;
    return openLocalContext(spec, {
      ...(given !== undefined && { dockerfile: given }),
      ...(memory && { memory }),
    });
  }
  const { first: head, whole: content, close } = await peekSource(fromFile(spec, options));
  if (isArchiveHead(head)) return openTar(content, given, options);
  await close();
  throw new Failure("invalid", `unable to prepare context: context must be a directory: ${spec}`, {
    hint: "A Dockerfile is named with -f: varve build -f FILE DIRECTORY",
  });
}

/** A Dockerfile that comes from standard input or a URL, else the path as it was given. */
async function givenDockerfile(
  spec: string,
  { dockerfile, stdin, fetchUrl }: ContextOptions,
): Promise<string | DockerfileText | undefined> {
  if (dockerfile === "-") {
    if (spec === "-")
      throw new Failure("invalid", "invalid argument: can't use stdin for both build context and dockerfile");
    return collectDockerfile(stdin);
  }
  if (dockerfile !== undefined && httpUrl.test(dockerfile))
    return collectDockerfile((await fetchUrl(dockerfile)).content);
  return dockerfile;
}

type Given = string | DockerfileText | undefined;

/** A tar, or a Dockerfile without any files. */
async function openStream(source: ByteSource, given: Given, options: ContextOptions): Promise<OpenedContext> {
  const { first: head, whole: content } = await peekSource(source);
  if (isArchiveHead(head)) return openTar(content, given, options);
  if (head.length === 0) throw new Failure("invalid", "unable to prepare context: it is empty");
  const dockerfile = await collectDockerfile(content);
  return { dockerfile, [Symbol.asyncDispose]: async () => undefined };
}

async function openTar(tar: ByteSource, given: Given, options: ContextOptions): Promise<OpenedContext> {
  const { signal, temporaryDirectory } = options;
  await using open = new AsyncDisposableStack();
  const tree = open.use(await openTarSource(tar, { directory: temporaryDirectory, signal }));
  return inTree(tree, given, open);
}

async function openGit(
  reference: GitReference,
  given: Given,
  options: ContextOptions,
): Promise<OpenedContext> {
  await using open = new AsyncDisposableStack();
  const checkout = open.use(await checkoutGit(reference, options));
  return inTree(open.use(openDirectorySource(checkout.directory)), given, open);
}

/** A context that may be anybody's: its Dockerfile is looked for inside of it only. */
function inTree(
  tree: Parameters<typeof dockerfileInTree>[0],
  given: Given,
  open: AsyncDisposableStack,
): OpenedContext {
  const dockerfile = typeof given === "object" ? given : dockerfileInTree(tree, given);
  const own = typeof given === "object" ? undefined : readInTree(tree, `${dockerfile.name}.dockerignore`);
  const kept = withoutIgnored(tree, own);
  const held = open.move();
  return { dockerfile, ...kept, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
