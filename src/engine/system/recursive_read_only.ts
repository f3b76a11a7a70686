/** Whether mounts can be read-only with all that is mounted below them: by kernel and runtime, as the CRI says to find it out. */
import { execFile } from "node:child_process";
import { release } from "node:os";
import { findRuntimeProgram } from "../../runtime/index.ts";

/** mount_setattr(2) came with Linux 5.12; the runtime lists its mount options (runtime-spec, features.md). */
export async function knowsRecursiveReadOnly(): Promise<boolean> {
  const [major = 0, minor = 0] = release().split(/[.-]/).map(Number);
  if (major < 5 || (major === 5 && minor < 12)) return false;
  const program = await findRuntimeProgram().catch(() => undefined);
  return program !== undefined && listsOption(await featuresOf(program), "rro");
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
