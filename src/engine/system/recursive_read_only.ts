/** Whether mounts can be read-only with all that is mounted below them: by kernel and runtime, as the CRI says to find it out. */
import { execFile } from "node:child_process";
import { release } from "node:os";
import { findRuntimeProgram } from "../../runtime/index.ts";

const known = new Map<string, Promise<boolean>>();

/**
 * mount_setattr(2) came with Linux 5.12; the runtime lists its mount options (runtime-spec, features.md).
 * @param given the runtime's path; default: that of the usual one
 */
export async function knowsRecursiveReadOnly(given?: string): Promise<boolean> {
  const [major = 0, minor = 0] = release().split(/[.-]/).map(Number);
  if (major < 5 || (major === 5 && minor < 12)) return false;
  const program = given ?? (await findRuntimeProgram().catch(() => undefined));
  if (program === undefined) return false;
  const asked = known.get(program) ?? featuresOf(program).then((features) => listsOption(features, "rro"));
  known.set(program, asked);
  return asked;
}

function listsOption(features: string, option: string): boolean {
  try {
    const { mountOptions } = JSON.parse(features) as { readonly mountOptions?: readonly string[] };
    return mountOptions?.includes(option) === true;
  } catch {
    // An older runtime has no such command.
    return false;
  }
}

function featuresOf(program: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, ["features"], { timeout: 10_000 }, (_error, stdout) => resolve(stdout));
  });
}
