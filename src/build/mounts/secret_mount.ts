/**
 * `RUN --mount=type=secret`: a file in memory, or a variable. Rules and words of BuildKit
 * (frontend/dockerfile/dockerfile2llb/convert_secrets.go, session/secrets).
 */
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import type { RunMount } from "../../dockerfile/index.ts";
import { Failure } from "../../errors.ts";
import type { SecretSource, StepMount } from "../types.ts";
import type { MemoryDirectory } from "./memory_directory.ts";
import { accessOf, invalid, targetOf } from "./mount_words.ts";
import type { MountPlace } from "./types.ts";

export interface PreparedSecret {
  readonly mounts: readonly StepMount[];
  readonly env: readonly string[];
}

/** Bytes, as in BuildKit (session/secrets/secrets.go, MaxSecretSize). */
const maximumSize = 500 * 1024;

/**
 * @param name of the file in `memory` @throws {Failure} `not-found` for a required one that was not given; `invalid`
 */
export async function secretMount(
  mount: RunMount,
  place: MountPlace,
  memory: MemoryDirectory,
  name: string,
): Promise<PreparedSecret> {
  const id = idOf(mount);
  const value = valueOf(id, await place.secrets.get(id));
  if (value === undefined) {
    if (mount.required !== true) return { mounts: [], env: [] };
    throw new Failure("not-found", `secret ${id}: not found`, {
      hint: `Give it to the build: --secret id=${id},src=FILE or --secret id=${id},env=NAME.`,
    });
  }
  const env = mount.env === undefined ? [] : [`${mount.env}=${value.toString("utf8")}`];
  if (mount.env !== undefined && mount.target === undefined) return { mounts: [], env };
  const destination = targetOf(mount, place.workingDir, mount.target ?? `/run/secrets/${posix.basename(id)}`);
  const { mode, uid, gid } = accessOf(mount, 0o400);
  const source = join(await memory.path(), name);
  writeFileSync(source, value, { flag: "wx", mode: 0o600 });
  chownSync(source, uid, gid);
  chmodSync(source, mode);
  return { mounts: [{ type: "bind", source, destination, readOnly: true }], env };
}

function idOf({ id, source, target }: RunMount): string {
  const named = source || id || (target === undefined ? "" : posix.basename(target));
  if (named === "") throw invalid("one of source, target required");
  return named;
}

function valueOf(id: string, source: SecretSource | undefined): Buffer | undefined {
  if (source === undefined) return undefined;
  if ("value" in source) {
    if (source.value.length > maximumSize)
      throw invalid(`secret ${id}: invalid secret size ${source.value.length}`);
    return Buffer.from(source.value);
  }
  if ("env" in source) {
    const text = process.env[source.env];
    return text === undefined ? undefined : Buffer.from(text);
  }
  try {
    const { size } = statSync(source.file);
    if (size > maximumSize) throw invalid(`secret ${id}: invalid secret size ${size}`);
    return readFileSync(source.file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return undefined;
  }
}
