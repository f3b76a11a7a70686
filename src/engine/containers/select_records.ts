/** Which containers a list has (moby, daemon/list.go, `foldFilter` and `includeContainerInList`). */
import { Failure, isFailure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import { hasLabel } from "../has_label.ts";
import { namePattern } from "../name_pattern.ts";
import { healthOf } from "./health_of.ts";
import { imageWithDescendants } from "./image_family.ts";
import { listWindow } from "./list_window.ts";
import { publishedPorts } from "./published_ports.ts";
import { never, type ContainerRecord } from "./record.ts";
import { statusOf } from "./state.ts";

/** Values by name of the filter. Those of one filter are alternatives; labels must all be there. */
export type ContainerFilters = ReadonlyMap<string, ReadonlySet<string>>;

export interface ContainerSelection {
  /** Also those that do not run; a limit and the filter `status` ask for them, too. Default: no. */
  readonly all?: boolean;
  readonly filters?: ContainerFilters;
  /** How many at most. Default, and where it is not positive: all. */
  readonly limit?: number;
}

type Test = (record: ContainerRecord) => boolean;
/** Makes a test of a filter's values, of which there is one at least. */
type TestMaker = (wanted: readonly string[], store: Store) => Test | Promise<Test>;

const statuses = ["created", "restarting", "running", "removing", "paused", "exited", "dead"];
const healths = ["none", "starting", "healthy", "unhealthy"];

/** Of containers on Linux; there is no swarm whose task one could be. */
const makers: Readonly<Record<string, TestMaker>> = {
  ancestor: ofImages,
  before: () => () => true,
  exited: withExitCode,
  expose: (wanted) => onPorts("expose", wanted),
  health: (wanted) => {
    const odd = wanted.find((value) => !healths.includes(value));
    if (odd !== undefined) throw unknownValue(`Unrecognised filter value for health: ${odd}`, healths);
    return ({ State }) => wanted.includes(healthOf(State) ?? "none");
  },
  id: (wanted) => (record) => wanted.some((value) => record.ID.startsWith(value)),
  "is-task": noTask,
  isolation: () => () => true,
  label: (wanted) => (record) => wanted.every((label) => hasLabel(record.Config.Labels ?? {}, label)),
  name: named,
  network: onNetworks,
  publish: (wanted) => onPorts("publish", wanted),
  since: () => () => true,
  status: (wanted) => {
    const odd = wanted.find((value) => !statuses.includes(value));
    if (odd !== undefined) throw unknownValue(`invalid filter 'status=${odd}'`, statuses);
    return (record) => wanted.includes(statusOf(record));
  },
  volume: withVolumes,
};

/**
 * @param all newest first, true to what runs
 * @throws Failure("invalid") in Docker's words for a filter or a value that does not exist; Failure("not-found") for a container
 *   that is to be looked from
 */
export async function selectRecords(
  store: Store,
  all: readonly ContainerRecord[],
  { all: stopped = false, filters = new Map(), limit = 0 }: ContainerSelection,
): Promise<readonly ContainerRecord[]> {
  const tests: Test[] = [];
  for (const [name, values] of filters) {
    const maker = Object.hasOwn(makers, name) ? makers[name] : undefined;
    if (maker === undefined) {
      throw new Failure("invalid", `invalid filter '${name}'`, {
        hint: `There are ${Object.keys(makers).join(", ")}.`,
      });
    }
    if (values.size > 0) tests.push(await maker([...values], store));
  }
  if (!stopped && limit <= 0 && !isGiven(filters, "status")) tests.push(({ State }) => State.Running);
  const [before, since] = ["before", "since"].map((name) => filters.get(name)?.values().next().value);
  const placed = ({ ID, Name }: ContainerRecord) => ({ id: ID, name: Name.slice(1) });
  const found = listWindow(all, placed, { before, since }).filter((record) =>
    tests.every((test) => test(record)),
  );
  return limit > 0 ? found.slice(0, limit) : found;
}

function isGiven(filters: ContainerFilters, name: string): boolean {
  return (filters.get(name)?.size ?? 0) > 0;
}

function unknownValue(message: string, known: readonly string[]): Failure {
  return new Failure("invalid", message, { hint: `There are ${known.join(", ")}.` });
}

/** Of the images and of all that was made from them here. A name that nothing has is of none. */
async function ofImages(wanted: readonly string[], store: Store): Promise<Test> {
  const families: ReadonlySet<string>[] = [];
  for (const name of wanted) {
    try {
      families.push(await imageWithDescendants(store, name));
    } catch (error) {
      if (!isFailure(error, "not-found") && !isFailure(error, "invalid")) throw error;
    }
  }
  return ({ Image }) => families.some((family) => family.has(Image));
}

function withExitCode(wanted: readonly string[]): Test {
  const codes = wanted.map((text) => {
    if (/^[+-]?\d+$/.test(text)) return Number(text);
    throw new Failure("invalid", `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  });
  return ({ State }) => !State.Running && State.StartedAt !== never && codes.includes(State.ExitCode);
}

function noTask(wanted: readonly string[]): Test {
  const [value = ""] = wanted;
  const isTask = ["1", "true"].includes(value);
  if (wanted.length > 1 || (!isTask && !["0", "false"].includes(value))) {
    throw new Failure("invalid", `invalid filter 'is-task=[${wanted.join(" ")}]'`);
  }
  return () => !isTask;
}

function named(wanted: readonly string[]): Test {
  const patterns = wanted.map(namePattern);
  return ({ Name }) => patterns.some((fits) => fits(Name) || fits(Name.slice(1)));
}

type Networks = Readonly<Record<string, { readonly NetworkID?: string } | null>>;

/** By name, or by the beginning of an ID. */
function onNetworks(wanted: readonly string[]): Test {
  return ({ NetworkSettings }) => {
    const networks = (NetworkSettings["Networks"] as Networks | null | undefined) ?? {};
    return Object.entries(networks).some(([name, endpoint]) =>
      wanted.some((value) => value === name || endpoint?.NetworkID?.startsWith(value)),
    );
  };
}

function withVolumes(wanted: readonly string[]): Test {
  return ({ MountPoints }) =>
    Object.values(MountPoints ?? {}).some(
      ({ Name, Source, Destination }) => wanted.includes(Destination) || wanted.includes(Name || Source),
    );
}

/** `publish` looks at ports of the host, `expose` at the container's own. */
function onPorts(name: "publish" | "expose", wanted: readonly string[]): Test {
  const ranges = wanted.map((text) => portRange(name, text));
  return (record) =>
    publishedPorts(record).some(({ port, protocol, hostPort }) => {
      const seen = name === "publish" ? hostPort : port;
      return (
        seen !== undefined &&
        ranges.some(({ first, last, type }) => type === protocol && first <= seen && seen <= last)
      );
    });
}

interface PortRange {
  readonly first: number;
  readonly last: number;
  readonly type: string;
}

/** `80`, `80-90/udp`. */
function portRange(name: string, text: string): PortRange {
  const [ports = "", type = "tcp"] = text.split("/");
  try {
    if (ports === "") throw new RangeError("Empty string specified for ports.");
    const [first = 0, last = first] = ports.split("-").map(portNumber);
    if (last < first) throw new RangeError(`Invalid range specified for the Port: ${ports}`);
    return { first, last, type };
  } catch (error) {
    const { message } = error as RangeError;
    throw new Failure("invalid", `error while looking up for ${name} ${text}: ${message}`);
  }
}

/** As Go reads it, and says. */
function portNumber(text: string): number {
  const isNumber = /^\d+$/.test(text);
  if (isNumber && Number(text) <= 65_535) return Number(text);
  const why = isNumber ? "value out of range" : "invalid syntax";
  throw new RangeError(`strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`);
}
