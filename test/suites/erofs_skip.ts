/** Whether this machine lets tests mount EROFS images: `test(title, { skip: erofsSkip("file") }, ...)`. */
import { probeErofs } from "../../src/driver/index.ts";
import { scratch } from "./scratch.ts";

/** The reason to skip, or false. */
export function erofsSkip(backing: "file" | "loop" | "fuse"): string | false {
  using dir = scratch("probe");
  const probe = probeErofs(dir.path, backing);
  return probe.ok ? false : `cannot show images by ${backing}: ${probe.reason}`;
}
