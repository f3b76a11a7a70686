/**
 * The texts of BuildKit (v0.32, frontend/dockerfile/dockerfile2llb, `commitToHistory`; behaviours B073).
 */
import type { CopyInstruction, Instruction } from "../../dockerfile/index.ts";
import { pairs, plainText } from "./classic_words.ts";
import { durationText, plainList } from "./go_format.ts";
import { healthcheckOf, type TextFacts } from "./history_facts.ts";

/** The comment of each row. */
export const buildkitComment = "buildkit.dockerfile.v0";

/** At the end of the texts of steps that ran. */
const ran = " # buildkit";

/**
 * The row's `created_by`; undefined: the instruction has no row.
 * @param instruction with its variables expanded, by `expandInstruction`
 */
export function buildkitText(instruction: Instruction, facts: TextFacts): string | undefined {
  switch (instruction.kind) {
    case "from":
    case "onbuild":
      return undefined;
    case "run":
      return `RUN ${runText(facts)}${ran}`;
    case "copy":
    case "add":
      return `${copyText(instruction, facts)}${ran}`;
    case "expose":
      return `EXPOSE ${plainList(instruction.ports.flatMap((port) => portsOf(port)))}`;
    case "arg":
      return `ARG ${pairs(facts.declared ?? instruction.values)}`;
    case "workdir":
      return `WORKDIR ${facts.config.WorkingDir ?? ""}`;
    case "healthcheck":
      return `HEALTHCHECK ${healthcheckText(facts)}`;
    default:
      return plainText(instruction, facts.config);
  }
}

function runText({ args = [], command = [] }: TextFacts): string {
  return (args.length === 0 ? command : [`|${args.length}`, ...args, ...command]).join(" ");
}

function copyText(instruction: CopyInstruction, { sources, destination, chown }: TextFacts): string {
  const { kind, parents, chmod, hereDocuments } = instruction;
  const owner = chown ?? instruction.chown ?? "";
  return [
    kind.toUpperCase(),
    ...(parents ? ["--parents"] : []),
    ...(owner === "" ? [] : [`--chown=${owner}`]),
    ...(chmod === undefined || chmod === "" ? [] : [`--chmod=${chmod}`]),
    ...(sources ?? instruction.sources),
    ...hereDocuments.map(({ name }) => `<<${name}`),
    destination ?? instruction.destination,
  ].join(" ");
}

const highestPort = 65_535;

/** `80`, `80/udp`, `80-82`, `[ip:]host:80`: the container's ports, one by one. */
function portsOf(spec: string): string[] {
  const [range = "", protocol = "tcp"] = spec.slice(spec.lastIndexOf(":") + 1).split("/");
  const [first = "", last = first] = range.split("-");
  const ports: string[] = [];
  const end = Math.min(Number(last), highestPort);
  for (let port = Number(first); port <= end; port++) ports.push(`${port}/${protocol.toLowerCase()}`);
  return ports;
}

/** `%+v` of the struct. */
function healthcheckText({ config }: TextFacts): string {
  const check = healthcheckOf(config);
  const time = (nanoseconds = 0): string => durationText(nanoseconds);
  return (
    `{Test:${plainList(check?.Test ?? [])} Interval:${time(check?.Interval)} Timeout:${time(check?.Timeout)} ` +
    `StartPeriod:${time(check?.StartPeriod)} StartInterval:${time(check?.StartInterval)} Retries:${check?.Retries ?? 0}}`
  );
}
