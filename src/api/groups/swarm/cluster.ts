/** `/swarm/init`, `join`, `leave` and `update` (moby, daemon/cluster/swarm.go). */
import { networkInterfaces } from "node:os";
import { isIP } from "node:net";
import type { Daemon } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import { ApiError, type Call } from "../../http/index.ts";
import { manager, versionAsked } from "./manager.ts";
import { completeSpec, isObject } from "./shapes.ts";

/** swarmkit's. */
const defaultPort = 2377;

export async function begin({ swarm }: Daemon, call: Call): Promise<void> {
  const body = await call.json();
  if (body["ForceNewCluster"] !== true) refuseAnother(swarm);
  const [, listenPort] = splitAddress(textOf(body, "ListenAddr"), "ListenAddr");
  const [address, port] = advertised(textOf(body, "AdvertiseAddr"), listenPort);
  const spec = completeSpec(body["Spec"]);
  const pools = body["DefaultAddrPool"];
  const state = await swarm.begin({
    spec,
    address: `${isIP(address) === 6 ? `[${address}]` : address}:${port}`,
    availability: availabilityOf(textOf(body, "Availability")),
    dataPathPort: numberOf(body, "DataPathPort") || 4789,
    addressPools: Array.isArray(pools) ? pools.map(String) : [],
    subnetSize: numberOf(body, "SubnetSize") || 24,
  });
  call.reply(200, state.node.id);
}

export async function join({ swarm }: Daemon, call: Call): Promise<void> {
  const body = await call.json();
  refuseAnother(swarm);
  splitAddress(textOf(body, "ListenAddr"), "ListenAddr");
  throw new Failure("unsupported", "cannot join a swarm: this engine can only be a swarm of its own", {
    hint: 'Use "docker swarm init".',
  });
}

function refuseAnother({ state }: Daemon["swarm"]): void {
  if (state === undefined) return;
  throw new Failure(
    "unavailable",
    'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.',
  );
}

export function leave({ swarm }: Daemon, call: Call): void {
  if (swarm.state === undefined) throw new Failure("unavailable", "This node is not part of a swarm");
  if (!call.flag("force")) {
    throw new Failure(
      "unavailable",
      "You are attempting to leave the swarm on a node that is participating as a manager. Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message. ",
    );
  }
  swarm.leave();
  call.done(200);
}

export async function update(daemon: Daemon, call: Call): Promise<void> {
  const body = await call.json();
  const version = versionAsked(call, "swarm");
  const state = manager(daemon);
  const spec = completeSpec(body);
  // The version is that of the last change: who changes something must have seen it.
  if (version !== state.version)
    throw new ApiError(500, "rpc error: code = Unknown desc = update out of sequence");
  const rotate = [
    ...(call.flag("rotateWorkerToken") ? (["worker"] as const) : []),
    ...(call.flag("rotateManagerToken") ? (["manager"] as const) : []),
  ];
  const changed = { ...state, spec, version: version + 1, updatedAt: new Date().toISOString() };
  await daemon.swarm.change(changed, rotate);
  call.done(200);
}

/** Name and port. @throws Failure("invalid") */
function splitAddress(text: string, field: string): [string, number] {
  if (text === "") throw new Failure("invalid", `invalid ${field} "": invalid empty address`);
  const [, bracketed, plain = "", digits] =
    /^(?:\[([^\]]+)\]|([^:\s]+|[\da-f:]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const name = bracketed ?? plain;
  if (name !== "" && Number(digits ?? 0) <= 65535) return [name, Number(digits ?? defaultPort)];
  throw new Failure(
    "invalid",
    `invalid ${field} "${text}": must be an IP address or network interface, with a port`,
  );
}

/** Where others would reach this node: as given, or the only address that this machine has. */
function advertised(text: string, port: number): [string, number] {
  const interfaces = Object.entries(networkInterfaces()).flatMap(([name, found = []]) =>
    found.filter(({ internal }) => !internal).map(({ address, family }) => ({ name, address, family })),
  );
  if (text !== "") {
    const [name, ownPort] = splitAddress(text, "AdvertiseAddr");
    const address = interfaces.find((each) => each.name === name)?.address ?? name;
    if (isIP(address) !== 0 && !/^[0:.]*$/.test(address)) return [address, ownPort];
    throw new Failure(
      "invalid",
      "advertise address must be a non-zero IP address or network interface (with optional port number)",
    );
  }
  const [first, second] = interfaces.filter(({ family }) => family === "IPv4");
  // What to do about it the docker command adds by itself.
  if (first === undefined) throw new Failure("invalid", "could not find the system's IP address");
  if (second === undefined) return [first.address, port];
  const found = `${first.address} on ${first.name} and ${second.address} on ${second.name}`;
  throw new Failure(
    "invalid",
    `could not choose an IP address to advertise since this system has multiple addresses on different interfaces (${found})`,
  );
}

function availabilityOf(text: string): string {
  const word = text.toLowerCase() || "active";
  if (["active", "pause", "drain"].includes(word)) return word;
  throw new Failure("invalid", `invalid Availability: ${JSON.stringify(text)}`);
}

function textOf(body: unknown, name: string): string {
  const value = isObject(body) ? body[name] : undefined;
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  throw new Failure("invalid", `invalid JSON: ${name} is no string`);
}

function numberOf(body: Readonly<Record<string, unknown>>, name: string): number {
  const value = body[name] ?? 0;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw new Failure("invalid", `invalid JSON: ${name} is no whole number`);
}
