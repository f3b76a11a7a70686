/** `POST /build?version=2`: a build with a client's session, which has the files, told in BuildKit's way. */
import { randomBytes } from "node:crypto";
import {
  BuildProgress,
  errorWords,
  solveDockerfile,
  StatusFeed,
  StatusResponse,
  Uploads,
  type Sessions,
} from "../../../buildkit/index.ts";
import type { Daemon } from "../../../engine/index.ts";
import { answerJsonLines, type Call, type JsonLines } from "../../http/index.ts";
import { sessionQuery } from "./session_query.ts";

const uploadPrefix = "upload-request:";

export class SessionBuilds {
  readonly #daemon: Daemon;
  readonly #sessions: Sessions;
  readonly #uploads = new Uploads();

  constructor(daemon: Daemon, sessions: Sessions) {
    this.#daemon = daemon;
    this.#sessions = sessions;
  }

  /** @param signal aborts the build; the client may still be there to hear of it */
  async build(call: Call, signal: AbortSignal): Promise<void> {
    const id = call.query.get("buildid") ?? "";
    if (!id.startsWith(uploadPrefix)) return this.#build(call, signal);
    await this.#uploads.offer(id.slice(uploadPrefix.length), call.request, signal);
    call.done(200);
  }

  async #build(call: Call, signal: AbortSignal): Promise<void> {
    const asked = sessionQuery(call);
    const remote = call.query.get("remote") ?? "";
    const sessionId = call.query.get("session") ?? "";
    using upload =
      remote === "upload-request"
        ? await this.#uploads.take(call.query.get("buildid") ?? "", signal)
        : undefined;
    const body = remote === "" ? call.request : upload?.body;
    const session = sessionId === "" ? undefined : await this.#sessions.get(sessionId, signal);
    const feed = new StatusFeed();
    const progress = new BuildProgress({
      ref: randomBytes(16).toString("hex"),
      send: (update) => feed.push(update),
    });
    await answerJsonLines(
      call,
      (lines) =>
        told(call, lines, feed, async () => {
          try {
            const solve = { ...asked, session, ...(body && { body }) };
            const pace = call.flag("q") ? {} : { pace: feed.room };
            const { response } = await solveDockerfile(this.#daemon.engine, solve, {
              progress,
              ...pace,
              signal,
            });
            return asked.exporters.some(({ type }) => staysHere.has(type))
              ? response[imageDigest]
              : undefined;
          } finally {
            progress.finish();
            feed.end();
          }
        }),
      (error) => ({ message: errorWords(error) }),
    );
  }
}

const imageDigest = "containerimage.digest";
const staysHere: ReadonlySet<string> = new Set(["moby", "image"]);

/** A quiet build is told of when it has failed. @param work gives the ID of the image, if there is one */
async function told(
  call: Call,
  lines: JsonLines,
  feed: StatusFeed,
  work: () => Promise<string | undefined>,
): Promise<void> {
  const tell = async (): Promise<void> => {
    for await (const update of feed.read(call.signal)) {
      const aux = Buffer.from(StatusResponse.encode(update)).toString("base64");
      lines.write({ id: "moby.buildkit.trace", aux });
      await lines.room();
    }
  };
  const isQuiet = call.flag("q");
  const telling = isQuiet ? undefined : tell();
  try {
    const image = await work();
    await telling;
    if (isQuiet) lines.write({ stream: `${image ?? ""}\n` });
    else if (image !== undefined) lines.write({ id: "moby.image.id", aux: { ID: image } });
  } catch (error) {
    await (telling ?? tell());
    throw error;
  }
}
