/** `POST /build`, by the protocol of Docker's old builder or with a session of BuildKit's, and `POST /build/cancel`. */
import type { Sessions } from "../../../buildkit/index.ts";
import { loadBuilder, type Daemon, type PullResult } from "../../../engine/index.ts";
import { Failure, isFailure } from "../../../errors.ts";
import { answerJsonLines, ApiError, type Call, type JsonLines } from "../../http/index.ts";
import { credentialsOfBuild } from "../../registry_auth.ts";
import { pulledStatus } from "../images/index.ts";
import { buildLines, type RemovesContainers } from "./build_lines.ts";
import { buildRequest } from "./build_request.ts";
import { SessionBuilds } from "./session_build.ts";

export class BuildHandlers {
  readonly #daemon: Daemon;
  /** Builds under way, by the ID that the client has given. */
  readonly #running = new Map<string, AbortController>();

  readonly #sessionBuilds: SessionBuilds;

  constructor(daemon: Daemon, sessions: Sessions) {
    this.#daemon = daemon;
    this.#sessionBuilds = new SessionBuilds(daemon, sessions);
  }

  async build(call: Call): Promise<void> {
    const stop = new AbortController();
    const id = call.query.get("buildid") ?? "";
    if (id !== "") this.#running.set(id, stop);
    const signal = AbortSignal.any([call.signal, stop.signal]);
    const isOfSession = call.query.get("version") === "2";
    try {
      await (isOfSession ? this.#sessionBuilds.build(call, signal) : this.#build(call, signal));
    } finally {
      if (this.#running.get(id) === stop) this.#running.delete(id);
    }
  }

  cancel(call: Call): void {
    const id = call.query.get("id") ?? "";
    if (id === "") throw new Failure("invalid", "build ID not provided");
    this.#running.get(id)?.abort();
    call.done(200);
  }

  async #build(call: Call, signal: AbortSignal): Promise<void> {
    const quiet = call.flag("q");
    const request = buildRequest(call);
    const { builds } = await this.#daemon.engine.withCredentials(credentialsOfBuild(call));
    const tools = await loadBuilder();
    const work = async (lines: JsonLines): Promise<void> => {
      const show = quiet ? () => undefined : buildLines(lines, tools, removesOf(call));
      const warn = (text: string): void => lines.write({ stream: `[Warning] ${text}\n` });
      const outcome = await builds.build({
        ...request,
        stdin: call.request,
        onEvent: show,
        ...(!quiet && { onPulled: (pulled) => tellPulled(lines, pulled) }),
        ...(!quiet && { onWarning: warn, outputPace: lines.room }),
        signal,
      });
      if (quiet) lines.write({ stream: `${outcome.image.id}\n` });
    };
    await answerJsonLines(call, (lines) => work(lines).catch(inDockersWords), detailOf);
  }
}

function tellPulled(lines: JsonLines, pulled: PullResult): void {
  lines.write({ status: `Digest: ${pulled.digest}` });
  lines.write({ status: pulledStatus(pulled.name, !pulled.upToDate) });
}

function removesOf(call: Call): RemovesContainers {
  if (call.flag("forcerm")) return "always";
  // Nothing counts as yes here.
  return call.query.get("rm") && !call.flag("rm") ? "never" : "after-success";
}

function inDockersWords(error: unknown): never {
  const missing = isFailure(error, "not-found")
    ? /^failed to read dockerfile: open (.*): no such file or directory$/s.exec(error.message)?.[1]
    : undefined;
  if (missing !== undefined) throw new ApiError(500, `Cannot locate specified Dockerfile: ${missing}`);
  throw error;
}

function detailOf(error: unknown): { readonly code?: number; readonly message: string } {
  const message = error instanceof Error ? error.message : String(error);
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error) || cause.name !== "CommandExit") return { message };
  return { code: (cause as Error & { readonly code: number }).code, message };
}
