/** `ps --filter` (moby, daemon/list.go): values of one key are alternatives, labels must all be there. */
import { hasLabel, listWindow, namePattern, type ContainerSummary, type Engine } from "../../engine/index.ts";
import { Failure, isFailure } from "../../errors.ts";

type Test = (container: ContainerSummary) => boolean;

const statuses = ["created", "restarting", "running", "removing", "paused", "exited", "dead"];
const healths = ["none", "starting", "healthy", "unhealthy"];

/**
 * @param all newest first
 * @throws Failure("invalid") for a filter or value that does not exist; "not-found" for a container that is to be looked from
 */
export async function selectContainers(
  engine: Engine,
  filters: readonly string[],
  all: readonly ContainerSummary[],
): Promise<ContainerSummary[]> {
  const values = valuesOf(filters);
  const tests = await Promise.all([...values].map(([key, wanted]) => testOf(engine, key, wanted)));
  const [before, since] = ["before", "since"].map((key) => values.get(key)?.[0]);
  const window = listWindow(all, (each) => each, { before, since });
  return window.filter((container) => tests.every((test) => test(container)));
}

/** Whether a filter asks for those that do not run, too. */
export function asksForStopped(filters: readonly string[]): boolean {
  return filters.some((filter) => /^status=/i.test(filter));
}

function valuesOf(filters: readonly string[]): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const filter of filters) {
    const equals = filter.indexOf("=");
    if (equals < 0) throw new Failure("invalid", `bad format of filter (expected name=value): ${filter}`);
    const key = filter.slice(0, equals).trim().toLowerCase();
    values.set(key, [...(values.get(key) ?? []), filter.slice(equals + 1).trim()]);
  }
  return values;
}

async function testOf(engine: Engine, key: string, wanted: readonly string[]): Promise<Test> {
  const some = (fits: (value: string, container: ContainerSummary) => boolean): Test => {
    return (container) => wanted.some((value) => fits(value, container));
  };
  switch (key) {
    case "name": {
      const patterns = wanted.map(namePattern);
      return ({ name }) => patterns.some((fits) => fits(name) || fits(`/${name}`));
    }
    case "id":
      return some((value, { id }) => id.startsWith(value));
    case "status":
      return oneOf(statuses, key, wanted, ({ status }) => status);
    case "health":
      return oneOf(healths, key, wanted, ({ health = "none" }) => health);
    case "exited":
      return some((value, { status, exitCode }) => status === "exited" && exitCode === Number(value));
    case "ancestor": {
      const families = await Promise.all(wanted.map((name) => family(engine, name)));
      return ({ imageId }) => families.some((each) => each.has(imageId));
    }
    case "label":
      return ({ labels }) => wanted.every((label) => hasLabel(labels, label));
    case "network":
      return some((value, { network }) => network.split(",").includes(value));
    case "volume":
      return some((value, { mounts }) => mounts.includes(value));
    case "publish":
    case "expose": {
      const ranges = wanted.map((text) => portRange(key, text));
      return ({ ports }) =>
        ports.some(({ port, protocol, hostPort }) =>
          ranges.some((range) => range(key === "publish" ? hostPort : port, protocol)),
        );
    }
    case "is-task":
      return () => !wanted.some((value) => value === "true" || value === "1");
    case "before":
    case "since":
      return () => true;
    default:
      throw new Failure("invalid", `invalid filter '${key}'`, { hint: "See 'varve ps --help'." });
  }
}

function oneOf(
  known: readonly string[],
  key: string,
  wanted: readonly string[],
  valueOf: (container: ContainerSummary) => string,
): Test {
  const unknown = wanted.find((value) => !known.includes(value));
  if (unknown !== undefined) {
    throw new Failure("invalid", `invalid filter '${key}=${unknown}'`, {
      hint: `There are ${known.join(", ")}.`,
    });
  }
  return (container) => wanted.includes(valueOf(container));
}

/** The image and all that was built or committed on it here; nothing for a name that nothing has. */
async function family(engine: Engine, name: string): Promise<ReadonlySet<string>> {
  try {
    return await engine.containers.imageFamily(name);
  } catch (error) {
    if (isFailure(error, "not-found") || isFailure(error, "invalid")) return new Set();
    throw error;
  }
}

type PortTest = (port: number | undefined, protocol: string) => boolean;

/** `80`, `80-90/udp`. */
function portRange(key: string, text: string): PortTest {
  const [, first, last = first, type = "tcp"] = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(\w+))?$/.exec(text) ?? [];
  if (first === undefined) throw new Failure("invalid", `invalid filter '${key}=${text}'`);
  return (port = -1, protocol) => protocol === type && port >= Number(first) && port <= Number(last);
}
