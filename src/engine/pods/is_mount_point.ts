import { statSync } from "node:fs";
import { dirname } from "node:path";

/** Whether another file system begins there. */
export function isMountPoint(path: string): boolean {
  const [place, above] = [path, dirname(path)].map((each) => statSync(each, { throwIfNoEntry: false }));
  return place !== undefined && place.dev !== above?.dev;
}
