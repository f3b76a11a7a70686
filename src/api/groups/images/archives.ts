/** `GET /images/get`, `GET /images/{name}/get`, `POST /images/load`. */
import { pipeline } from "node:stream/promises";
import type { Daemon, LoadResult } from "../../../engine/index.ts";
import { cancelled, type Progress } from "../../../bytes/index.ts";
import { familiarReference } from "../../../oci/index.ts";
import { answerJsonLines, type Call, type JsonLines } from "../../http/index.ts";
import { wantedPlatform } from "./wanted_platform.ts";

export async function save(daemon: Daemon, call: Call): Promise<void> {
  const one = call.params["name"];
  const names = one === undefined ? call.query.getAll("names") : [one];
  const { signal } = call;
  const platform = wantedPlatform(call, "1.48");
  const bytes = await daemon.engine.images.save(names, { signal, ...(platform && { platform }) });
  await pipeline(bytes, call.stream("application/x-tar")).catch((error: unknown) => {
    // A client that goes away is nobody's fault.
    throw signal.aborted ? cancelled(signal) : error;
  });
}

/** What fails is told in the answer, whose status is 200 in any case, as Docker does. */
export async function load(daemon: Daemon, call: Call): Promise<void> {
  const quiet = call.flag("quiet", true);
  const platform = wantedPlatform(call, "1.48");
  await answerJsonLines(call, async (lines) => {
    try {
      const loaded = await daemon.engine.images.load(call.request, {
        signal: call.signal,
        ...(!quiet && { report: loading(lines) }),
        ...(platform && { platform }),
      });
      for (const each of loaded) {
        for (const text of resultLines(each)) lines.write({ stream: `${text}\n` });
      }
    } catch (error) {
      lines.fail({ message: error instanceof Error ? error.message : String(error) });
    }
  });
}

/** Docker has one word for all that happens to a layer. */
function loading(lines: JsonLines): (progress: Progress) => void {
  return (progress) => {
    if (progress.current !== undefined) lines.report({ ...progress, status: "Loading layer" });
  };
}

function resultLines({ imageId, names, moved }: LoadResult): string[] {
  const renamed = moved.map(
    ({ name, from }) =>
      `The image ${familiarReference(name)} already exists, renaming the old one with ID ${from} to empty string`,
  );
  const loaded = names.map((name) => `Loaded image: ${familiarReference(name)}`);
  return [...renamed, ...(loaded.length > 0 ? loaded : [`Loaded image ID: ${imageId}`])];
}
