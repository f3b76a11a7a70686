/** Connecting, disconnecting, removing. */
import { Failure } from "../../../errors.ts";
import type { Daemon } from "../../../engine/index.ts";
import { Filters, parseMoment, pointer, readBody, struct, text, truth, type Call } from "../../http/index.ts";
import { endpointShape } from "./endpoint_shape.ts";

const connectShape = struct("types.NetworkConnect", {
  Container: text,
  EndpointConfig: pointer(endpointShape),
});
const disconnectShape = struct("types.NetworkDisconnect", { Container: text, Force: truth });

/** `POST /networks/{id}/connect`. */
export async function connectContainer({ engine }: Daemon, call: Call): Promise<void> {
  const { Container, EndpointConfig } = readBody(connectShape, await call.json());
  await engine.networks.connect(call.param("id"), named(Container), EndpointConfig ?? {});
  call.done(200);
}

/** `POST /networks/{id}/disconnect`. */
export async function disconnectContainer({ engine }: Daemon, call: Call): Promise<void> {
  const { Container, Force } = readBody(disconnectShape, await call.json());
  await engine.networks.disconnect(call.param("id"), named(Container), { force: Force });
  call.done(200);
}

function named(container: string): string {
  if (container === "") throw new Failure("invalid", 'invalid name or ID supplied: ""');
  return container;
}

/** `DELETE /networks/{id}`. */
export async function removeNetwork({ engine }: Daemon, call: Call): Promise<void> {
  await engine.networks.remove(call.param("id"));
  call.done();
}

/** `POST /networks/prune`. */
export async function pruneNetworks({ engine }: Daemon, call: Call): Promise<void> {
  const filters = Filters.parse(call.query.get("filters"), ["until", "label", "label!"]);
  const [until] = filters.get("until");
  const removed = await engine.networks.prune({
    ...(until !== undefined && { until: parseMoment(until) }),
    labels: filters.get("label"),
    withoutLabels: filters.get("label!"),
  });
  call.reply(200, { NetworksDeleted: removed.length === 0 ? null : removed });
}
