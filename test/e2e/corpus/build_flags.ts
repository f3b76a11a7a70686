import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PreparedCase } from "./prepare_context.ts";
import type { Case } from "./types.ts";

/** What the tests have running for the cases. */
export interface Surroundings {
  /** `127.0.0.1:port` of a web server. */
  readonly server: string;
  /** URL of a git repository there. */
  readonly git: string;
  /** Socket of an agent. */
  readonly agent: string;
}

/** Puts addresses into a value of case.json. */
export function filledIn(text: string, { server, git }: Surroundings): string {
  return text.replaceAll("{server}", server).replaceAll("{git}", git);
}

/** A named context or secret: a path beside the Dockerfile, else as it is. */
export function besideOr(text: string, { beside }: PreparedCase): string {
  return existsSync(join(beside, text)) ? join(beside, text) : text;
}

/** The case's options as all builders' command lines take them. */
export function buildFlags(given: Case, prepared: PreparedCase, around: Surroundings): string[] {
  const {
    buildArgs = {},
    labels = {},
    contexts = {},
    secrets = {},
    addHosts = [],
    ...rest
  } = given.options ?? {};
  const { file, target, platform, network = "none", ssh } = rest;
  const flags = ["--network", network];
  if (given.peerFile !== undefined) flags.push("-f", join(prepared.beside, given.peerFile));
  else flags.push("-f", join(prepared.context, file ?? "Dockerfile"));
  for (const [name, value] of Object.entries(buildArgs))
    flags.push("--build-arg", `${name}=${filledIn(value, around)}`);
  for (const [name, value] of Object.entries(labels)) flags.push("--label", `${name}=${value}`);
  for (const [name, value] of Object.entries(contexts))
    flags.push("--build-context", `${name}=${besideOr(value, prepared)}`);
  for (const [id, path] of Object.entries(secrets))
    flags.push("--secret", `id=${id},src=${besideOr(path, prepared)}`);
  for (const host of addHosts) flags.push("--add-host", host);
  if (target !== undefined) flags.push("--target", target);
  if (platform !== undefined) flags.push("--platform", platform);
  if (ssh === true) flags.push("--ssh", `default=${around.agent}`);
  return flags;
}
