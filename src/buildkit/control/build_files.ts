/** Where a build's files come from: the client's session or the network, never this machine. */
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBytes, type ByteSource } from "../../bytes/index.ts";
import { gitSource, isRemoteContext, type BuildRequest } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { clientContext, clientTree, readClientFile } from "../filesync/index.ts";
import type { BuildProgress } from "../progress/index.ts";
import type { Session } from "../session/index.ts";
import { underPrefix, type Attributes } from "./dockerfile_attributes.ts";
import { isUpload, uploadOf } from "./upload.ts";

type Files = Pick<BuildRequest, "context" | "file" | "stdin" | "buildContexts">;

export interface FilesAsked {
  readonly attributes: Attributes;
  readonly session: Session | undefined;
  /** The context itself, where it came with the call. */
  readonly body: ByteSource | undefined;
  /** What `input:NAME` stands for: an image (`docker-image://…`) or a place on the network. */
  readonly inputs: ReadonlyMap<string, string>;
  readonly progress: BuildProgress;
  readonly signal: AbortSignal;
}

/** @throws Failure("invalid"), Failure("unsupported"); what reading a Dockerfile of the session throws */
export async function buildFiles(asked: FilesAsked): Promise<Files> {
  const { attributes } = asked;
  const named = Object.entries(underPrefix(attributes, "context:"));
  const buildContexts = new Map(named.map(([name, spec]) => [name, namedContext(name, spec, asked)]));
  return { ...(await mainContext(asked)), buildContexts };
}

async function mainContext({
  attributes,
  session,
  body,
  inputs,
  progress,
  signal,
}: FilesAsked): Promise<Pick<Files, "context" | "file" | "stdin">> {
  const { context = inputs.get("context") ?? "", filename = "Dockerfile", dockerfilekey } = attributes;
  if (body !== undefined) return { context: "-", file: filename, stdin: body };
  if (context === "") {
    const contextName = attributes["contextkey"] ?? "context";
    const dockerfileName = dockerfilekey ?? "dockerfile";
    return { context: clientContext(needed(session), { filename, contextName, dockerfileName, progress }) };
  }
  if (isUpload(context))
    return { context: "-", file: filename, stdin: uploadOf(needed(session), context, signal) };
  if (!isRemoteContext(context)) throw new Failure("invalid", `invalid context ${context}: it is no URL`);
  if (dockerfilekey === undefined) return { context, file: filename };
  await using temporary = await mkdtempDisposable(join(tmpdir(), "varve-dockerfile-"));
  const place = { temporaryDirectory: temporary.path, signal };
  const dockerfile = await readClientFile(needed(session), dockerfilekey, filename, place);
  return { context, file: "-", stdin: fromBytes(dockerfile) };
}

/**
 * Asks for the directories of the client, and for repositories that are contexts. What the builder takes it asks for
 * itself.
 */
export async function askForFiles(
  attributes: Attributes,
  inputs: FilesAsked["inputs"],
  onSource: (identifier: string) => Promise<void>,
): Promise<void> {
  const { context = inputs.get("context") ?? "" } = attributes;
  const named = Object.values(underPrefix(attributes, "context:"));
  const specs = named.map((spec) => (spec.startsWith("input:") ? (inputs.get(spec.slice(6)) ?? "") : spec));
  if (context === "" || attributes["dockerfilekey"] !== undefined)
    await onSource(`local://${attributes["dockerfilekey"] ?? "dockerfile"}`);
  if (context === "") await onSource(`local://${attributes["contextkey"] ?? "context"}`);
  for (const spec of [context, ...specs]) {
    if (spec.startsWith("local:")) await onSource(`local://${spec.slice("local:".length)}`);
    else if (isGit(spec)) await onSource(gitSource(spec));
  }
}

function isGit(spec: string): boolean {
  return isRemoteContext(spec) && (!/^https?:/.test(spec) || /\.git(?:[?#]|$)/.test(spec));
}

type NamedContext = NonNullable<Files["buildContexts"]> extends ReadonlyMap<string, infer C> ? C : never;

function namedContext(name: string, spec: string, { session, inputs }: FilesAsked): NamedContext {
  const [kind, rest = ""] = split(spec);
  switch (kind) {
    case "docker-image":
      return spec;
    case "local":
      return clientTree(needed(session), rest);
    case "input": {
      const input = inputs.get(rest);
      if (input === undefined || !(input.startsWith("docker-image://") || isRemoteContext(input)))
        throw new Failure("invalid", `invalid input ${rest} for ${name}`);
      return input;
    }
    case "oci-layout":
      throw new Failure("unsupported", `context ${name}: an OCI layout of the client cannot be read`, {
        hint: "Load the image and name it: docker-image://NAME",
      });
    default:
      if (isRemoteContext(spec)) return spec;
      throw new Failure("invalid", `unsupported context source ${kind} for ${name}`);
  }
}

function split(spec: string): [kind: string, rest?: string] {
  const colon = spec.indexOf(":");
  return colon < 0 ? [spec] : [spec.slice(0, colon), spec.slice(colon + 1)];
}

function needed(session: Session | undefined): Session {
  if (session === undefined) throw new Failure("invalid", "no session: there is nobody to ask for the files");
  return session;
}
