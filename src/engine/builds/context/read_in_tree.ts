/** Dockerfile and `.dockerignore` out of a context: whatever they leave out, the builder itself sees both. */
import { fromText } from "../../../byte_string.ts";
import { withIgnored, type SourceTree } from "../../../build/index.ts";
import { ignoreMatcher, parseIgnore, type IgnoreMatcher } from "../../../dockerfile/index.ts";
import { Failure } from "../../../errors.ts";
import type { DockerfileText } from "./types.ts";

/** Bytes of the largest Dockerfile and `.dockerignore`. */
export const maxDockerfileBytes = 4 << 20;

/** The file's bytes; symlinks are followed inside the tree only. Undefined: there is no such file. */
export function readInTree(tree: SourceTree, path: string): Uint8Array | undefined {
  const found = tree.resolve(fromText(path));
  const stat = found === undefined ? undefined : tree.stat(found);
  if (found === undefined || stat?.kind !== "file") return undefined;
  if (stat.size > maxDockerfileBytes)
    throw new Failure("limit", `${path} has ${stat.size} bytes, over ${maxDockerfileBytes}`);
  return tree.read(found);
}

/** The Dockerfile at `path` of the context (default `Dockerfile`). Throws `Failure("not-found")` in BuildKit's words. */
export function dockerfileInTree(tree: SourceTree, path: string | undefined): DockerfileText {
  // `dockerfile` is Docker's second choice (docker/cli, build/context.go).
  for (const name of path === undefined ? ["Dockerfile", "dockerfile"] : [path]) {
    const bytes = readInTree(tree, name);
    if (bytes !== undefined) return { name, bytes };
  }
  throw noDockerfile(path ?? "Dockerfile");
}

export function noDockerfile(path: string, hint?: string): Failure {
  const message = `failed to read dockerfile: open ${path}: no such file or directory`;
  return new Failure("not-found", message, hint === undefined ? {} : { hint });
}

export interface KeptFiles {
  readonly files: SourceTree;
  /** What is not among them; undefined: nothing is left out. */
  readonly ignore?: IgnoreMatcher;
}

/**
 * The tree without what is ignored. @param own patterns that belong to the Dockerfile itself
 * (`<name>.dockerignore`), which go before those of the context's `.dockerignore`
 */
export function withoutIgnored(tree: SourceTree, own: Uint8Array | undefined): KeptFiles {
  const bytes = own ?? readInTree(tree, ".dockerignore");
  if (bytes === undefined) return { files: tree };
  const patterns = parseIgnore(Buffer.from(bytes).toString("utf8"));
  if (patterns.length === 0) return { files: tree };
  const ignore = ignoreMatcher(patterns);
  return { files: withIgnored(tree, ignore), ignore };
}
