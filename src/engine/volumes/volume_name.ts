/** Names of volumes. */
import { randomBytes } from "node:crypto";
import { Failure } from "../../errors.ts";

/** The label by which `prune` knows volumes that nobody named (moby, volume/service/service.go, `AnonymousLabel`). */
export const anonymousLabel = "com.docker.volume.anonymous";

/** Of a volume that nobody named. */
export function anonymousName(): string {
  return randomBytes(32).toString("hex");
}

export function isVolumeName(name: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name) && name.length <= longestName;
}

/** Of a file's name in bytes (NAME_MAX). */
const longestName = 255;

/** @throws Failure("invalid") in Docker's words (moby, volume/local/local.go, `validateName`) */
export function checkVolumeName(name: string): void {
  if (isVolumeName(name)) return;
  if (name.length > longestName) {
    throw new Failure("invalid", `create ${name}: a volume's name has at most ${longestName} characters`);
  }
  const why =
    name.length === 1
      ? "volume name is too short, names should be at least two alphanumeric characters"
      : `${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`;
  throw new Failure("invalid", `create ${name}: ${why}`);
}
