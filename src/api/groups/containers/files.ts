/** Files of containers: `changes`, `export`, `archive` (Engine API, Container; B178). */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { tellContainer, type Daemon } from "../../../engine/index.ts";
import { Failure, isFailure } from "../../../errors.ts";
import { ApiError, type Call } from "../../http/index.ts";
import { pathStatHeader } from "./path_stat.ts";

const kinds = { C: 0, A: 1, D: 2 } as const;

export async function changes(daemon: Daemon, call: Call): Promise<void> {
  const found = await daemon.engine.containers.diff(call.param("id"), { signal: call.signal });
  call.reply(
    200,
    found.length === 0 ? null : found.map(({ path, kind }) => ({ Path: path, Kind: kinds[kind] })),
  );
}

/** `export` is `application/octet-stream`, as dockerd has it, not the tar that it is. */
export async function exportTar(daemon: Daemon, call: Call): Promise<void> {
  const record = await daemon.live.find(call.param("id"));
  const tar = await daemon.engine.containers.export(record.ID, { signal: call.signal });
  await send(call, "application/octet-stream", tar, {}, () => tellContainer(daemon.events, "export", record));
}

export async function headArchive(daemon: Daemon, call: Call): Promise<void> {
  const stat = await daemon.engine.containers.statPath(call.param("id"), pathOf(call));
  call.done(200, pathStatHeader(stat));
}

export async function getArchive(daemon: Daemon, call: Call): Promise<void> {
  const path = pathOf(call);
  const calledBy = call.param("id");
  const record = await daemon.live.find(calledBy);
  const { signal } = call;
  const { stat, tar } = await daemon.engine.containers.readArchive(record.ID, path, { signal, calledBy });
  await send(call, "application/x-tar", tar, pathStatHeader(stat), () =>
    tellContainer(daemon.events, "archive-path", record),
  );
}

export async function putArchive(daemon: Daemon, call: Call): Promise<void> {
  const path = pathOf(call);
  const calledBy = call.param("id");
  const record = await daemon.live.find(calledBy);
  // A failure must not take the connection along.
  const tar = call.request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  try {
    await daemon.engine.containers.writeArchive(record.ID, path, tar, {
      signal: call.signal,
      calledBy,
      replace: !call.flag("noOverwriteDirNonDir"),
      toUser: call.flag("copyUIDGID"),
    });
  } catch (error) {
    // What is corrupt is the client's.
    throw isFailure(error, "corrupt") ? new ApiError(400, error.message) : error;
  }
  tellContainer(daemon.events, "extract-to-dir", record);
  call.done(200);
}

function pathOf(call: Call): string {
  const path = call.query.get("path") ?? "";
  if (path === "") throw new ApiError(400, "bad parameter: 'path' cannot be empty");
  return path;
}

/** The first bytes come before the head goes out: what fails at once still gets its status. */
async function send(
  call: Call,
  contentType: string,
  tar: AsyncIterable<Uint8Array>,
  headers: Readonly<Record<string, string>>,
  begun: () => void,
): Promise<void> {
  const chunks = tar[Symbol.asyncIterator]();
  const first = await chunks.next();
  begun();
  const response = call.stream(contentType, headers);
  try {
    await pipeline(Readable.from(following(first, chunks), { objectMode: false }), response);
  } catch (cause) {
    const hasLeft = (cause as NodeJS.ErrnoException).code === "ERR_STREAM_PREMATURE_CLOSE";
    throw hasLeft ? new Failure("cancelled", "the client has taken no more", { cause }) : cause;
  }
}

async function* following(
  first: IteratorResult<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
