/** `POST /networks/create`. */
import { Failure } from "../../../errors.ts";
import type { Daemon, NetworkRequest } from "../../../engine/index.ts";
import {
  dictionary,
  list,
  pointer,
  readBody,
  struct,
  text,
  truth,
  type Call,
  type ReadOf,
} from "../../http/index.ts";
import { manager } from "../swarm/index.ts";

const ipamConfigShape = struct("network.IPAMConfig", {
  Subnet: text,
  IPRange: text,
  Gateway: text,
  AuxiliaryAddresses: dictionary(text),
});

const createShape = struct("types.NetworkCreateRequest", {
  Name: text,
  Driver: text,
  Scope: text,
  EnableIPv6: truth,
  IPAM: pointer(
    struct("network.IPAM", { Driver: text, Options: dictionary(text), Config: list(ipamConfigShape) }),
  ),
  Internal: truth,
  Attachable: truth,
  Ingress: truth,
  ConfigOnly: truth,
  ConfigFrom: pointer(struct("network.ConfigReference", { Network: text })),
  Options: dictionary(text),
  Labels: dictionary(text),
});

type Body = ReadOf<typeof createShape>;

export async function createNetwork(daemon: Daemon, call: Call): Promise<void> {
  const body = readBody(createShape, await call.json());
  refuseForeign(body);
  // Only a swarm's manager knows such drivers and scopes.
  if (body.Driver === "overlay" || !["", "local"].includes(body.Scope)) manager(daemon);
  const { id } = await daemon.engine.networks.create(requestOf(body));
  call.reply(201, { Id: id, Warning: "" });
}

/** What there is in a swarm only, and definitions for other hosts. */
function refuseForeign({ Ingress, Scope, ConfigFrom, ConfigOnly }: Body): void {
  const from = ConfigFrom?.Network ?? "";
  if (Ingress) throw new Failure("denied", "Ingress network can only be global scope network");
  if (Scope === "swarm" || Scope === "global")
    throw new Failure("denied", "cannot create a swarm scoped network when swarm is not active");
  if (from !== "") throw new Failure("not-found", `configuration network "${from}" does not exist`);
  if (ConfigOnly)
    throw new Failure("unsupported", "configuration-only networks are for swarms, of which this is none");
}

function requestOf(body: Body): NetworkRequest {
  const { Name, Driver, EnableIPv6, IPAM, Internal, Attachable, Options, Labels } = body;
  return {
    name: Name,
    ...(Driver !== "" && { driver: Driver }),
    enableIPv6: EnableIPv6,
    internal: Internal,
    attachable: Attachable,
    options: Options ?? {},
    labels: Labels ?? {},
    ipam: {
      driver: IPAM?.Driver || "default",
      options: IPAM?.Options ?? null,
      config: (IPAM?.Config ?? []).map(poolOf),
    },
  };
}

function poolOf({ Subnet, IPRange, Gateway, AuxiliaryAddresses }: ReadOf<typeof ipamConfigShape>) {
  return {
    ...(Subnet !== "" && { subnet: Subnet }),
    ...(IPRange !== "" && { ipRange: IPRange }),
    ...(Gateway !== "" && { gateway: Gateway }),
    ...(AuxiliaryAddresses !== null && { auxAddresses: AuxiliaryAddresses }),
  };
}
