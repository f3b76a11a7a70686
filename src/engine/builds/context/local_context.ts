/** A directory of this machine as context (docker/cli, cli/command/image/build/context.go, GetContextFromLocalDir). */
import { readFile, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { openDirectorySource, type ContentMemory } from "../../../build/index.ts";
import { collect, type ByteSource } from "../../../bytes/index.ts";
import { Failure } from "../../../errors.ts";
import { proposeDockerfile } from "./propose_dockerfile.ts";
import {
  dockerfileInTree,
  maxDockerfileBytes,
  noDockerfile,
  readInTree,
  withoutIgnored,
} from "./read_in_tree.ts";
import type { DockerfileText, OpenedContext } from "./types.ts";

export interface LocalContextOptions {
  /** As given: relative to the working directory, may lie outside of the context; bytes: it came from elsewhere. */
  readonly dockerfile?: string | DockerfileText;
  /** Digests of files that were read by earlier builds. */
  readonly memory?: ContentMemory;
}

/** Throws `Failure("not-found")` without a Dockerfile; its hint proposes one to a Node project. */
export async function openLocalContext(
  directory: string,
  { dockerfile: given, memory }: LocalContextOptions,
): Promise<OpenedContext> {
  using open = new DisposableStack();
  const tree = open.use(openDirectorySource(directory, memory === undefined ? {} : { memory }));
  let dockerfile: DockerfileText;
  let ignore: Uint8Array | undefined;
  if (given === undefined) {
    dockerfile = await defaultDockerfile(tree, directory);
    ignore = readInTree(tree, `${dockerfile.name}.dockerignore`);
  } else if (typeof given === "string") {
    dockerfile = await readDockerfile(given);
    ignore = await readFile(`${given}.dockerignore`).catch(() => undefined);
  } else dockerfile = given;
  const kept = withoutIgnored(tree, ignore);
  const held = open.move();
  return { dockerfile, ...kept, [Symbol.asyncDispose]: async () => held.dispose() };
}

async function defaultDockerfile(
  tree: Parameters<typeof dockerfileInTree>[0],
  directory: string,
): Promise<DockerfileText> {
  try {
    return dockerfileInTree(tree, undefined);
  } catch (error) {
    const proposal = (await proposeDockerfile(directory)).find(({ name }) => name === "Dockerfile");
    if (proposal === undefined) throw error;
    const words = `The project has a package.json; \`varve build --init ${directory}\` writes this Dockerfile for it:`;
    throw noDockerfile("Dockerfile", `${words}\n\n${proposal.text.trimEnd()}`);
  }
}

/** A file that the user names may lie anywhere. Throws `Failure("not-found")`, `Failure("limit")`. */
export async function readDockerfile(path: string): Promise<DockerfileText> {
  try {
    const { size } = await stat(path);
    if (size > maxDockerfileBytes)
      throw new Failure("limit", `${path} has ${size} bytes, over ${maxDockerfileBytes}`);
    return { name: basename(path), bytes: await readFile(path) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") throw noDockerfile(path);
    if (code === "EISDIR")
      throw new Failure("invalid", `failed to read dockerfile: read ${path}: is a directory`);
    throw error;
  }
}

/** A Dockerfile that comes as a stream. */
export async function collectDockerfile(source: ByteSource): Promise<DockerfileText> {
  return { name: "Dockerfile", bytes: await collect(source, maxDockerfileBytes, "Dockerfile") };
}

/** What is at a path that was given as context. Throws `Failure("not-found")` in the words of Docker's command. */
export async function kindOfContext(path: string): Promise<"directory" | "file"> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined)
    throw new Failure("not-found", `unable to prepare context: path "${path}" not found`);
  if (found.isDirectory()) return "directory";
  if (found.isFile()) return "file";
  throw new Failure("invalid", `unable to prepare context: context must be a directory: ${resolve(path)}`);
}
