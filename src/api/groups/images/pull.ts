/** `POST /images/create?fromImage=` (moby, daemon/images/image_pull.go, distribution/pull.go). */
import type { Daemon } from "../../../engine/index.ts";
import {
  familiarName,
  familiarReference,
  parsePlatform,
  parseReference,
  type Platform,
  type Reference,
} from "../../../oci/index.ts";
import { answerJsonLines, ApiError, type Call } from "../../http/index.ts";
import { credentialsFor } from "../../registry_auth.ts";
import { atRegistry } from "../registry_status.ts";
import { nameWithTag } from "./name_with_tag.ts";

/** Without a tag all tags of the repository; ends with the client. */
export async function pull(daemon: Daemon, call: Call): Promise<void> {
  // `docker pull -a` of old may send a colon at the end.
  const given = (call.query.get("fromImage") ?? "").replace(/:$/, "");
  const name = parseReference(nameWithTag(given, call.query.get("tag") ?? "") ?? given);
  // What `FROM` calls the empty image (moby, daemon/server/router/image, `validateRepoName`).
  if (familiarName(name) === "scratch") throw new ApiError(403, "'scratch' is a reserved name");
  const { images, remote } = await daemon.engine.withCredentials(credentialsFor(call, name.domain));
  const platform = platformOf(call);
  const isOne = name.tag !== undefined || name.digest !== undefined;
  await answerJsonLines(call, async (lines) => {
    const { signal } = call;
    const tags = isOne ? [undefined] : await atRegistry(remote.tags(name, { signal }));
    let isNew = false;
    for (const tag of tags) {
      const wanted: Reference = tag === undefined ? name : { ...name, tag };
      const pulled = await atRegistry(
        images.pull(familiarReference(wanted), {
          signal,
          report: lines.report,
          ...(platform && { platform }),
        }),
      );
      isNew ||= !pulled.upToDate;
      lines.write({ status: `Digest: ${pulled.digest}` });
    }
    lines.write({ status: pulledStatus(name, isNew) });
  });
}

/** The last line of a pull. */
export function pulledStatus(name: Reference, isNew: boolean): string {
  const what = isNew ? "Downloaded newer image" : "Image is up to date";
  return `Status: ${what} for ${familiarReference(name)}`;
}

/** @throws Failure("invalid") */
export function platformOf(call: Call): Platform | undefined {
  const text = call.isAtLeast("1.32") ? (call.query.get("platform") ?? "") : "";
  return text === "" ? undefined : parsePlatform(text);
}
