/** `GET /networks` and `GET /networks/{id}`. */
import { Failure } from "../../../errors.ts";
import type { Daemon } from "../../../engine/index.ts";
import { Filters, type Call } from "../../http/index.ts";

const known = ["driver", "id", "label", "name", "scope", "type", "dangling"];

export async function listNetworks({ engine }: Daemon, call: Call): Promise<void> {
  const filters = Filters.parse(call.query.get("filters"), known);
  const found = await engine.networks.list({
    drivers: filters.get("driver"),
    ids: filters.get("id"),
    names: filters.get("name"),
    scopes: filters.get("scope"),
    types: filters.get("type"),
    labels: filters.get("label"),
    ...(filters.has("dangling") && { dangling: filters.boolean("dangling", false) }),
  });
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
