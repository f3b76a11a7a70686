/** `POST /images/create?fromSrc=`: a root filesystem's tar becomes an image (moby, daemon/images/image_import.go). */
import { loadBuilder, type Daemon } from "../../../engine/index.ts";
import type { ByteSource } from "../../../bytes/index.ts";
import { Failure } from "../../../errors.ts";
import { parseReference, withDefaultTag } from "../../../oci/index.ts";
import { answerJsonLines, ApiError, type Call, type JsonLines } from "../../http/index.ts";
import { nameWithTag } from "./name_with_tag.ts";
import { platformOf } from "./pull.ts";

export async function importImage(daemon: Daemon, call: Call): Promise<void> {
  const source = call.query.get("fromSrc") ?? "";
  const given = nameWithTag(call.query.get("repo") ?? "", call.query.get("tag") ?? "");
  const name = given === undefined ? undefined : withDefaultTag(parseReference(given));
  if (name?.digest !== undefined) throw new Failure("invalid", "cannot import digest reference");
  const message = call.query.get("message") || `Imported from ${source}`;
  const platform = platformOf(call);
  if (platform !== undefined && platform.os !== "linux")
    throw new Failure("invalid", "operating system is not supported");
  const { applyChanges } = await loadBuilder();
  await answerJsonLines(call, async (lines) => {
    const tar = source === "-" ? call.request : await download(daemon, call, source, lines);
    const { id } = await daemon.engine.images.import(tar, {
      ...(name !== undefined && { name }),
      message,
      change: (config) => applyChanges(config, call.query.getAll("changes")),
      ...(platform && { platform }),
      signal: call.signal,
    });
    lines.write({ status: id });
  });
}

async function download(
  { engine }: Daemon,
  { signal }: Call,
  source: string,
  lines: JsonLines,
): Promise<ByteSource> {
  if (source === "") throw new Failure("invalid", "neither fromImage nor fromSrc is given");
  const url = source.includes("://") ? source : `http://${source}`;
  const { content } = await engine.fetchUrl(url, { signal }).catch((error: unknown) => {
    // That there is no such file is handed on (moby, daemon/builder/remotecontext/remote.go, `GetWithStatusError`).
    if (!(error instanceof Failure) || error.kind === "invalid" || error.kind === "not-found") throw error;
    throw new ApiError(500, error.message);
  });
  lines.write({ status: `Downloading from ${url}` });
  return content;
}
