/** `GET /networks` and `GET /networks/{id}` (moby, daemon/network/filter.go). */
import { Failure } from "../../../errors.ts";
import type { Daemon } from "../../../engine/index.ts";
import type { NetworkResource } from "../../../wire/index.ts";
import { Filters, type Call } from "../../http/index.ts";

const known = ["driver", "id", "label", "name", "scope", "type", "dangling"];

export async function listNetworks({ engine }: Daemon, call: Call): Promise<void> {
  const filters = Filters.parse(call.query.get("filters"), known);
  const admits = filterOf(filters);
  const found = (await engine.networks.list()).filter(admits);
  // Newer versions leave the containers to `inspect`.
  const shown = call.isAtLeast("1.28") ? found.map((network) => ({ ...network, Containers: {} })) : found;
  call.reply(200, shown);
}

export async function inspectNetwork({ engine }: Daemon, call: Call): Promise<void> {
  const [id, scope] = [call.param("id"), call.query.get("scope") ?? ""];
  const network = await engine.networks.inspect(id);
  if (scope !== "" && scope !== network.Scope) throw new Failure("not-found", `network ${id} not found`);
  call.reply(200, network);
}

function filterOf(filters: Filters): (network: NetworkResource) => boolean {
  const types = filters.get("type");
  const bad = types.find((type) => type !== "custom" && type !== "builtin");
  if (bad !== undefined) throw new Failure("invalid", `invalid filter: 'type'='${bad}'`);
  const dangling = filters.has("dangling") ? filters.boolean("dangling", false) : undefined;
  return (network) =>
    filters.admits("driver", (driver) => driver === network.Driver) &&
    filters.admits("scope", (scope) => scope === network.Scope) &&
    filters.admits("id", (part) => network.Id.includes(part)) &&
    filters.admits("name", (part) => network.Name.includes(part)) &&
    filters.admits("type", (type) => type === typeOf(network)) &&
    filters.admitsLabels(network.Labels) &&
    (dangling === undefined || dangling === isDangling(network));
}

function typeOf({ Name }: NetworkResource): "custom" | "builtin" {
  return ["bridge", "host", "none"].includes(Name) ? "builtin" : "custom";
}

function isDangling(network: NetworkResource): boolean {
  return typeOf(network) === "custom" && Object.keys(network.Containers).length === 0;
}
