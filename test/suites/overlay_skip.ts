/** Whether this machine lets tests mount overlayfs: `test(title, { skip: overlaySkip }, ...)`. */
import { probeOverlay } from "../../src/driver/index.ts";
import { scratch } from "./scratch.ts";

/** The reason to skip, or false. */
export const overlaySkip: string | false = ((): string | false => {
  using dir = scratch("probe");
  const probe = probeOverlay(dir.path);
  return probe.ok ? false : `cannot mount overlayfs: ${probe.reason}`;
})();
