/** `/nodes` (moby, daemon/cluster/nodes.go): the one that there is. */
import type { Daemon, SwarmState } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import { ApiError, Filters, type Call } from "../../http/index.ts";
import { manager, versionAsked } from "./manager.ts";
import { isObject, nodeShown } from "./shapes.ts";

const filterNames = ["id", "label", "node.label", "membership", "name", "role"];

export function listNodes(daemon: Daemon, call: Call): void {
  const filters = Filters.parse(call.query.get("filters"), filterNames);
  const state = manager(daemon);
  const node = nodeShown(state);
  const { id, labels } = state.node;
  const isWanted =
    filters.admits("id", (wanted) => id.startsWith(wanted)) &&
    filters.admits("name", (wanted) => node.Description.Hostname.startsWith(wanted)) &&
    filters.admits("role", (wanted) => wanted === "manager") &&
    filters.admits("membership", (wanted) => wanted === "accepted") &&
    filters.admitsLabels(labels, "node.label") &&
    filters.admitsLabels({});
  call.reply(200, isWanted ? [node] : []);
}

export function findNode(daemon: Daemon, call: Call): void {
  const state = manager(daemon);
  const node = nodeShown(state);
  check(state, call.param("id"), node.Description.Hostname);
  call.reply(200, node);
}

export function deleteNode(daemon: Daemon, call: Call): void {
  const state = manager(daemon);
  const node = nodeShown(state);
  check(state, call.param("id"), node.Description.Hostname);
  throw new ApiError(
    412,
    `rpc error: code = FailedPrecondition desc = node ${state.node.id} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal`,
  );
}

export async function updateNode(daemon: Daemon, call: Call): Promise<void> {
  const spec = await call.json();
  const version = versionAsked(call, "node");
  const state = manager(daemon);
  const { Description } = nodeShown(state);
  const role = String(spec["Role"] ?? "").toLowerCase();
  if (role !== "manager" && role !== "worker") throw new Failure("invalid", `invalid Role: "${role}"`);
  const availability = String(spec["Availability"] ?? "").toLowerCase();
  if (!["active", "pause", "drain"].includes(availability)) {
    throw new Failure("invalid", `invalid Availability: "${availability}"`);
  }
  check(state, call.param("id"), Description.Hostname);
  if (version !== state.node.version) {
    throw new ApiError(500, "rpc error: code = Unknown desc = update out of sequence");
  }
  if (role === "worker") {
    throw new ApiError(
      412,
      "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm",
    );
  }
  const { Labels, Name } = spec;
  const node = {
    ...state.node,
    version: version + 1,
    updatedAt: new Date().toISOString(),
    availability,
    labels: isObject(Labels)
      ? Object.fromEntries(Object.entries(Labels).map(([key, text]) => [key, String(text)]))
      : {},
    ...(typeof Name === "string" && Name !== "" && { name: Name }),
  };
  await daemon.swarm.change({ ...state, node });
  call.done(200);
}

/** @throws Failure("not-found") in Docker's words */
function check({ node }: SwarmState, asked: string, hostname: string): void {
  if (asked === hostname || asked === node.name || node.id.startsWith(asked)) return;
  throw new Failure("not-found", `node ${asked} not found`);
}
