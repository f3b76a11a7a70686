/** Who a container's first process is: as the runtime was asked for it, with the names of the image looked up. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { OciSpec, OciUser } from "../../runtime/index.ts";
import { bundleDirectory } from "./bundle.ts";

/** @param id whole. Undefined: it does not run */
export async function firstUser(root: string, id: string): Promise<OciUser | undefined> {
  try {
    const text = await readFile(join(bundleDirectory(root, id), "config.json"), "utf8");
    return (JSON.parse(text) as OciSpec).process.user;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
