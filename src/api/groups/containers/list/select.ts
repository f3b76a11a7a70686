/** Which containers a list has (moby, daemon/list.go, `includeContainerInList`). */
import { listWindow, namePattern, type ContainerOverview, type Daemon } from "../../../../engine/index.ts";
import { ApiError, Filters, type Call } from "../../../http/index.ts";
import { portsOf } from "./ports.ts";
import { healthOf } from "./status_text.ts";

const known =
  "ancestor before exited expose health id is-task isolation label name network publish since status volume".split(
    " ",
  );
const statuses = ["paused", "restarting", "removing", "running", "dead", "created", "exited"];

type Test = (container: ContainerOverview) => boolean;

/**
 * @param all newest first
 * @throws Failure, ApiError in Docker's words for a filter that is none
 */
export async function selectContainers(
  daemon: Daemon,
  call: Call,
  all: readonly ContainerOverview[],
): Promise<ContainerOverview[]> {
  const filters = Filters.parse(call.query.get("filters"), known);
  const limit = call.integer("limit") ?? 0;
  const stopped = call.flag("all") || limit > 0 || filters.has("status");
  const tests: Test[] = [
    ({ record }) => stopped || record.State.Running,
    ...stateTests(filters),
    ...(await imageTests(daemon, filters)),
    ...nameTests(filters),
    ...networkTests(filters),
  ];
  const [before, since] = ["before", "since"].map((name) => filters.get(name)[0]);
  const placed = ({ record }: ContainerOverview) => ({ id: record.ID, name: record.Name.slice(1) });
  const found = listWindow(all, placed, { before, since }).filter((each) =>
    tests.every((test) => test(each)),
  );
  return limit > 0 ? found.slice(0, limit) : found;
}

function stateTests(filters: Filters): Test[] {
  const status = filters.get("status");
  const unknown = status.find((each) => !statuses.includes(each));
  if (unknown !== undefined) throw new ApiError(400, `invalid filter 'status=${unknown}'`);
  const health = filters.get("health");
  const odd = health.find((each) => !["none", "starting", "healthy", "unhealthy"].includes(each));
  if (odd !== undefined) throw new ApiError(400, `Unrecognised filter value for health: ${odd}`);
  const codes = filters.get("exited").map(exitCode);
  const tasks = filters.boolean("is-task", false);
  return [
    (each) => filters.admits("status", (wanted) => wanted === each.status),
    ({ record }) => filters.admits("health", (wanted) => wanted === healthOf(record)),
    ({ record: { State }, status: now }) =>
      codes.length === 0 || (!State.Running && now !== "created" && codes.includes(State.ExitCode)),
    // There is no swarm whose task it could be.
    () => !tasks,
  ];
}

function exitCode(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw new ApiError(400, `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
}

async function imageTests(daemon: Daemon, filters: Filters): Promise<Test[]> {
  if (!filters.has("ancestor")) return [];
  const families: ReadonlySet<string>[] = [];
  for (const name of filters.get("ancestor")) {
    const family = await daemon.engine.containers.imageFamily(name).catch(() => undefined);
    if (family !== undefined) families.push(family);
  }
  return [({ record }) => families.some((family) => family.has(record.Image))];
}

function nameTests(filters: Filters): Test[] {
  const names = filters.get("name").map(namePattern);
  return [
    ({ record }) =>
      names.length === 0 || names.some((fits) => fits(record.Name) || fits(record.Name.slice(1))),
    ({ record }) => filters.admits("id", (wanted) => record.ID.startsWith(wanted)),
    ({ record }) => filters.admitsLabels(record.Config.Labels ?? {}),
    ({ record }) =>
      filters.admits("volume", (wanted) =>
        Object.values(record.MountPoints ?? {}).some(
          ({ Name, Source, Destination }) => wanted === Destination || wanted === (Name || Source),
        ),
      ),
  ];
}

function networkTests(filters: Filters): Test[] {
  const [publish, expose] = ["publish", "expose"].map((name) =>
    filters.get(name).map((text) => portRange(name, text)),
  );
  const within = (ranges: readonly PortRange[], port: number, type: string): boolean =>
    ranges.length === 0 ||
    ranges.some((each) => each.type === type && each.first <= port && port <= each.last);
  return [
    ({ record }) => {
      const networks = (record.NetworkSettings["Networks"] as Networks | null | undefined) ?? {};
      return filters.admits("network", (wanted) =>
        Object.entries(networks).some(([name, { NetworkID }]) => wanted === name || wanted === NetworkID),
      );
    },
    ({ record }) =>
      publish?.length === 0 ||
      portsOf(record).some(
        ({ PublicPort, Type }) => PublicPort !== undefined && within(publish ?? [], PublicPort, Type),
      ),
    ({ record }) =>
      expose?.length === 0 ||
      portsOf(record).some(({ PrivatePort, Type }) => within(expose ?? [], PrivatePort, Type)),
  ];
}

type Networks = Readonly<Record<string, { readonly NetworkID?: string }>>;

interface PortRange {
  readonly first: number;
  readonly last: number;
  readonly type: string;
}

function portRange(name: string, text: string): PortRange {
  const [ports = "", type = "tcp"] = text.split("/");
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(ports) ?? [];
  if (first !== undefined) return { first: Number(first), last: Number(last), type };
  const why = `strconv.ParseUint: parsing ${JSON.stringify(ports)}: invalid syntax`;
  throw new ApiError(400, `error while looking up for ${name} ${text}: ${why}`);
}
