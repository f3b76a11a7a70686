/** What the routes of a swarm begin with (moby, daemon/cluster). */
import type { Daemon, SwarmState } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import type { Call } from "../../http/index.ts";

/** The swarm. @throws Failure("unavailable") in Docker's words while there is none */
export function manager({ swarm }: Daemon): SwarmState {
  if (swarm.state !== undefined) return swarm.state;
  throw new Failure(
    "unavailable",
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );
}

/** `version`: what the client has seen before it changed it. @throws Failure("invalid") in Docker's words */
export function versionAsked(call: Call, kind: string): number {
  const text = call.query.get("version") ?? "";
  if (/^\d{1,15}$/.test(text)) return Number(text);
  if (kind === "secret" || kind === "config") throw new Failure("invalid", `invalid ${kind} version`);
  throw new Failure(
    "invalid",
    `invalid ${kind} version '${text}': strconv.ParseUint: parsing "${text}": invalid syntax`,
  );
}
