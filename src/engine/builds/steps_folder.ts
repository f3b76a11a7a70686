/** Where the bundles of steps lie while they run. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

export function stepsFolder(root: string): string {
  return join(root, "varve", "steps");
}

/** Whether there are any, of steps that run or of killed ones. */
export function hasSteps(root: string): boolean {
  try {
    return readdirSync(stepsFolder(root)).length > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return false;
  }
}
