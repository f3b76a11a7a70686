/** `build --check`: the Dockerfile alone, without a store. */
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  lintDockerfile,
  parseDockerfile,
  type Dockerfile,
  type LintFinding,
} from "../../dockerfile/index.ts";
import { openContext } from "./context/open_context.ts";
import type { ClientFiles, OpenedContext } from "./context/types.ts";
import type { BuildRequest } from "./types.ts";

export interface Checked {
  readonly dockerfile: Dockerfile;
  /** In the order of the lines. */
  readonly findings: readonly LintFinding[];
}

/**
 * Finds what could be better in the text of the Dockerfile that would be built. No image is looked up. What comes over
 * the network or by standard input lies in a temporary directory meanwhile.
 * @param skip rules that say nothing
 * @throws Failure("invalid") if it cannot be parsed; what opening the context throws
 */
export async function checkBuild(
  request: CheckRequest,
  { skip = [] }: { readonly skip?: readonly string[] } = {},
): Promise<Checked> {
  await using temporary = await mkdtempDisposable(join(tmpdir(), "varve-check-"));
  await using opened = await open(request, temporary.path);
  const { ignore } = opened;
  const { name, bytes } = opened.dockerfile;
  const dockerfile = parseDockerfile(bytes, { name });
  return { dockerfile, findings: lintDockerfile(dockerfile, { skip, ...(ignore && { ignore }) }) };
}

type CheckRequest = Pick<BuildRequest, "context" | "file" | "stdin" | "signal">;

async function open(
  { context, file, stdin = nothing(), signal }: CheckRequest,
  temporaryDirectory: string,
): Promise<OpenedContext | ClientFiles> {
  if (typeof context !== "string") return context.open({ temporaryDirectory, signal });
  return openContext(context, {
    stdin,
    temporaryDirectory,
    fetchUrl: async (url) => (await import("../../remote/index.ts")).fetchUrl(url, { signal }),
    signal,
    ...(file !== undefined && { dockerfile: file }),
  });
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}
