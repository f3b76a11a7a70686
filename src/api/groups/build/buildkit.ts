/** `POST /session` and `POST /grpc`: connections that become HTTP/2, in either direction. */
import { finished } from "node:stream/promises";
import { introductionOf, buildkitMethods, Sessions } from "../../../buildkit/index.ts";
import type { Daemon } from "../../../engine/index.ts";
import { serveGrpc, type Methods } from "../../../rpc/index.ts";
import type { Call } from "../../http/index.ts";

export class BuildkitHandlers {
  /** Of all clients of the daemon. */
  readonly sessions = new Sessions();
  readonly #methods: Methods;

  constructor(daemon: Daemon) {
    this.#methods = buildkitMethods({ daemon, sessions: this.sessions });
  }

  /** The client serves, and builds that name the session ask. */
  async session(call: Call): Promise<void> {
    const introduction = introductionOf(call.request.headers);
    // Before the answer, while it can still be a refusal.
    if (call.request.headers.upgrade === "h2c") this.sessions.check(introduction.id);
    this.sessions.take(await call.upgrade("h2c"), introduction);
  }

  /** The client asks. Ends with the connection, and throws then what was nobody's fault but ours. */
  async grpc(call: Call): Promise<void> {
    let bug: unknown;
    const socket = await call.upgrade("h2c");
    serveGrpc(socket, this.#methods, (error) => (bug ??= error));
    // A client that breaks off is no error of ours.
    await finished(socket).catch(() => undefined);
    if (bug !== undefined) throw bug;
  }
}
