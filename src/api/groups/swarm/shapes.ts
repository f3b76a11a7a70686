/** A swarm of one node in the Engine API's words (moby, api/types/swarm). */
import { cpus, hostname, machine, totalmem } from "node:os";
import { version, type Daemon, type SwarmSpec, type SwarmState } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import { logDrivers } from "../../config/index.ts";

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** swarmkit's values where the client says nothing. */
const usual = {
  Name: "default",
  Labels: {},
  Orchestration: { TaskHistoryRetentionLimit: 5 },
  Raft: {
    SnapshotInterval: 10_000,
    KeepOldSnapshots: 0,
    LogEntriesForSlowFollowers: 500,
    ElectionTick: 10,
    HeartbeatTick: 1,
  },
  Dispatcher: { HeartbeatPeriod: 5_000_000_000 },
  CAConfig: { NodeCertExpiry: 7_776_000_000_000_000 },
  TaskDefaults: {},
  EncryptionConfig: { AutoLockManagers: false },
};

/** @throws Failure("invalid") for what is no spec; "unsupported" for a swarm that locks itself */
export function completeSpec(given: unknown): SwarmSpec {
  if (given === undefined || given === null) return usual;
  if (!isObject(given)) throw new Failure("invalid", "invalid JSON: Spec is no object");
  const spec: Record<string, unknown> = { ...usual };
  for (const [name, value] of Object.entries(usual)) {
    const asked = given[name] ?? value;
    if (typeof asked !== typeof value)
      throw new Failure("invalid", `invalid JSON: ${name} is no ${typeof value}`);
    spec[name] = isObject(value) && isObject(asked) ? withUsual(value, asked) : asked || value;
  }
  const { AutoLockManagers } = spec["EncryptionConfig"] as { readonly AutoLockManagers?: unknown };
  if (AutoLockManagers === true) {
    throw new Failure("unsupported", "cannot lock the swarm: there are no keys here that it could keep");
  }
  return spec;
}

/** Zero is Go's "nothing said". */
function withUsual(usualParts: object, asked: Readonly<Record<string, unknown>>): object {
  const said = Object.entries(asked).filter(([, value]) => value !== 0 && value !== null);
  return { ...usualParts, ...(Object.fromEntries(said) as object) };
}

export function clusterShown(state: SwarmState) {
  return {
    ID: state.id,
    Version: { Index: state.version },
    CreatedAt: state.createdAt,
    UpdatedAt: state.updatedAt,
    Spec: state.spec,
    // No certificates: nobody else is there who would ask for one.
    TLSInfo: {},
    RootRotationInProgress: false,
    DefaultAddrPool: state.addressPools.length === 0 ? null : state.addressPools,
    SubnetSize: state.subnetSize,
    DataPathPort: state.dataPathPort,
  };
}

export function tokensOf({ tokens }: SwarmState): object {
  return { Worker: tokens.worker, Manager: tokens.manager };
}

/** `Swarm` of `/info`. */
export function swarmInfo({ swarm }: Daemon): object {
  const { state } = swarm;
  if (state === undefined) {
    return {
      NodeID: "",
      NodeAddr: "",
      LocalNodeState: "inactive",
      ControlAvailable: false,
      Error: "",
      RemoteManagers: null,
    };
  }
  const { id, address } = state.node;
  return {
    NodeID: id,
    NodeAddr: hostOf(address),
    LocalNodeState: "active",
    ControlAvailable: true,
    Error: "",
    RemoteManagers: [{ NodeID: id, Addr: address }],
    Nodes: 1,
    Managers: 1,
    Cluster: clusterShown(state),
  };
}

export function nodeShown({ node, createdAt }: SwarmState) {
  const plugins = [
    ...logDrivers.map((Name) => ({ Type: "Log", Name })),
    ...["bridge", "host", "null"].map((Name) => ({ Type: "Network", Name })),
    { Type: "Volume", Name: "local" },
  ];
  return {
    ID: node.id,
    Version: { Index: node.version },
    CreatedAt: createdAt,
    UpdatedAt: node.updatedAt,
    Spec: {
      ...(node.name !== undefined && { Name: node.name }),
      Labels: node.labels,
      Role: "manager",
      Availability: node.availability,
    },
    Description: {
      Hostname: hostname(),
      Platform: { Architecture: machine(), OS: "linux" },
      Resources: { NanoCPUs: cpus().length * 1_000_000_000, MemoryBytes: totalmem() },
      Engine: { EngineVersion: version, Plugins: plugins },
      TLSInfo: {},
    },
    Status: { State: "ready", Addr: hostOf(node.address) },
    ManagerStatus: { Leader: true, Reachability: "reachable", Addr: node.address },
  };
}

const hostOf = (address: string): string => address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
