/**
 * `ROOT/varve/steps/<id>/`: the bundle of a step that runs, with the runtime's state. Beside it `<id>.lock`, locked by the
 * process that runs the step before the bundle is made and until it is gone: so a bundle without a locked one is what a
 * killed process left.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import { isFailure } from "../../errors.ts";
import * as sys from "../../sys/index.ts";
import { stepsFolder } from "./steps_folder.ts";

export interface StepBundle extends AsyncDisposable {
  readonly directory: string;
}

/** Makes a step's bundle; disposal removes it. */
export async function makeStepBundle(root: string, id: string): Promise<StepBundle> {
  const directory = join(stepsFolder(root), id);
  await mkdir(stepsFolder(root), { recursive: true, mode: 0o700 });
  const lock = await sys.lockFile(fromText(lockPath(directory)));
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
  return {
    directory,
    [Symbol.asyncDispose]: async () => {
      await rm(directory, { recursive: true, force: true });
      rmSync(lockPath(directory), { force: true });
      lock[Symbol.dispose]();
    },
  };
}

const lockPath = (directory: string): string => `${directory}.lock`;

/** Whether a living process runs the step. */
export function isStepRunning(root: string, id: string): boolean {
  const path = lockPath(join(stepsFolder(root), id));
  // Not to be made by the question.
  if (!existsSync(path)) return false;
  using lock = sys.tryLockFile(fromText(path));
  return lock === undefined;
}

/**
 * Ends the containers of steps whose process was killed and removes their bundles. Their mounts are left to the store (`openStore`). Where no runtime is, nothing runs, and all stays.
 */
export async function settleSteps(root: string): Promise<void> {
  const folder = stepsFolder(root);
  const ids = new Set(readdirSync(folder).map((name) => name.replace(/\.lock$/, "")));
  for (const id of ids) await settleStep(join(folder, id), id);
}

async function settleStep(directory: string, id: string): Promise<void> {
  using lock = sys.tryLockFile(fromText(lockPath(directory)));
  // The process that runs the step lives.
  if (lock === undefined) return;
  try {
    if (existsSync(directory)) {
      const { findRuntimeProgram, removeLeftovers } = await import("../../runtime/index.ts");
      await removeLeftovers({ runtime: await findRuntimeProgram(), bundle: directory, id });
      await rm(directory, { recursive: true, force: true });
    }
    rmSync(lockPath(directory), { force: true });
  } catch (error) {
    if (!isFailure(error, "unsupported")) throw error;
  }
}
