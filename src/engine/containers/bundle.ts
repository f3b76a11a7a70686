/** Where a running container's bundle lies. */
import { join } from "node:path";

/** Directory of the bundle: config.json, FIFOs and the runtime's state; gone with the run. */
export function bundleDirectory(root: string, id: string): string {
  return join(root, "varve", "run", id);
}
