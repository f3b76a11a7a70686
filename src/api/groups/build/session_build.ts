/** `POST /build?version=2`: a build with a client's session, which has the files, told in BuildKit's way. */
import { randomBytes } from "node:crypto";
import {
  BuildProgress,
  errorWords,
  solveDockerfile,
  StatusFeed,
  StatusResponse,
  Uploads,
  type DockerfileSolve,
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
    const { query } = call;
    const [remote, sessionId] = [query.get("remote") ?? "", query.get("session") ?? ""];
    const session = sessionId === "" ? undefined : await this.#sessions.get(sessionId, signal);
    // Before any refusal: the CLI of 20.10 hangs if the answer is there while it is still opening its session.
    await session?.client.begun;
    const asked = sessionQuery(call);
    using upload =
      remote === "upload-request" ? await this.#uploads.take(query.get("buildid") ?? "", signal) : undefined;
    const body = remote === "" ? call.request : upload?.body;
    const work = this.#work({ ...asked, session, ...(body && { body }) }, signal);
    const detailOf = (error: unknown) => ({ message: errorWords(error) });
    const isQuiet = call.flag("q");
    await answerJsonLines(call, (lines) => (isQuiet ? quietly : aloud)(lines, work, call.signal), detailOf);
  }

  #work(solve: DockerfileSolve, signal: AbortSignal): Work {
    const feed = new StatusFeed();
    const ref = randomBytes(16).toString("hex");
    const progress = new BuildProgress({ ref, send: (update) => feed.push(update) });
    const staysHere = solve.exporters.some(({ type }) => type === "moby" || type === "image");
    const image = async (): Promise<string | undefined> => {
      try {
        const surroundings = { progress, pace: feed.room, signal };
        const { outcome } = await solveDockerfile(this.#daemon.engine, solve, surroundings);
        return staysHere ? outcome.image.id : undefined;
      } finally {
        progress.finish();
        feed.end();
      }
    };
    return { feed, image };
  }
}

interface Work {
  readonly feed: StatusFeed;
  /** Does it. The ID of the image, if there is one that stays here. */
  image(): Promise<string | undefined>;
}

type Tells = (lines: JsonLines, work: Work, signal: AbortSignal) => Promise<void>;

const aloud: Tells = async (lines, { feed, image }, signal) => {
  const telling = tell(lines, feed, signal);
  const id = await image().finally(() => telling);
  if (id !== undefined) lines.write({ id: "moby.image.id", aux: { ID: id } });
};

/** Only a failure is told of. */
const quietly: Tells = async (lines, { feed, image }, signal) => {
  try {
    lines.write({ stream: `${(await image()) ?? ""}\n` });
  } catch (error) {
    await tell(lines, feed, signal);
    throw error;
  }
};

async function tell(lines: JsonLines, feed: StatusFeed, signal: AbortSignal): Promise<void> {
  for await (const update of feed.read(signal)) {
    const aux = Buffer.from(StatusResponse.encode(update)).toString("base64");
    lines.write({ id: "moby.buildkit.trace", aux });
    await lines.room();
  }
}
