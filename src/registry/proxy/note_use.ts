/** When a manifest of an upstream was last pulled: the time at which its link was last written. */
import type { Digest } from "../../oci/index.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths } from "../tree.ts";
import type { Upstream } from "./upstream.ts";

/** So many writes in the life of a manifest that is pulled all the time. */
const writesInLife = 8;

/** Writes the use down unless that was done lately. A storage that cannot is no reason not to answer. */
export async function noteUse(
  storage: StorageDriver,
  upstream: Upstream,
  name: string,
  digest: Digest,
): Promise<void> {
  const { settings, used, watch, label } = upstream;
  const key = `${name}@${digest}`;
  const now = upstream.now();
  if (settings.ttl === 0 || now - (used.get(key) ?? 0) < settings.ttl / writesInLife) return;
  try {
    const link = paths.revisionLink(name, digest);
    // As it is: distribution's link of a sha512 names another digest.
    const bytes = await storage.read(link);
    if (bytes !== undefined) await storage.write(link, bytes);
    used.set(key, now);
  } catch (error) {
    watch.problem("use of a manifest not noted", {
      upstream: label,
      repository: name,
      digest,
      error: String(error),
    });
  }
}
