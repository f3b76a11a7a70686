/** HEALTHCHECK: how a container is asked whether it is well (moby, builder/dockerfile/dispatchers.go). */
import { Failure } from "../../errors.ts";
import type { ChangeLine } from "./change_lines.ts";
import { jsonWords } from "./json_words.ts";

/** Docker's `Healthcheck`; times in nanoseconds. Throws `Failure("invalid")` in Docker's words. */
export function healthcheck({ rest, flags }: ChangeLine): object {
  const [, type = "", command = ""] = /^(\S*)\s*([\s\S]*)$/.exec(rest) ?? [];
  if (type === "") throw new Failure("invalid", "HEALTHCHECK requires at least one argument");
  if (type.toUpperCase() === "NONE") {
    if (command !== "") throw new Failure("invalid", "HEALTHCHECK NONE takes no arguments");
    return { Test: ["NONE"] };
  }
  if (type.toUpperCase() !== "CMD") {
    throw new Failure(
      "invalid",
      `Unknown type ${JSON.stringify(type.toUpperCase())} in HEALTHCHECK (try CMD)`,
    );
  }
  const words = jsonWords(command);
  if (command === "" || words?.length === 0)
    throw new Failure("invalid", "Missing command after HEALTHCHECK CMD");
  return {
    Test: words === undefined ? ["CMD-SHELL", command] : ["CMD", ...words],
    ...interval("Interval", "interval", flags),
    ...interval("Timeout", "timeout", flags),
    ...interval("StartPeriod", "start-period", flags),
    ...retries(flags.get("retries")),
  };
}

function interval(key: string, flag: string, flags: ReadonlyMap<string, string>): object {
  const text = flags.get(flag) ?? "";
  if (text === "") return {};
  const nanoseconds = goDuration(text);
  if (nanoseconds < 1e6)
    throw new Failure("invalid", `Interval ${JSON.stringify(flag)} cannot be less than 1ms`);
  return { [key]: nanoseconds };
}

const units: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Go's time.ParseDuration: `1h30m`, `1.5s`. Nanoseconds. */
function goDuration(text: string): number {
  const parts = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/u.test(text);
  if (!parts && !/^[+-]?0$/.test(text))
    throw new Failure("invalid", `time: invalid duration ${JSON.stringify(text)}`);
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/gu)) {
    sum += Math.round(Number(number) * (units[unit as string] as number));
  }
  return text.startsWith("-") ? -sum : sum;
}

function retries(text = ""): object {
  if (text === "") return {};
  if (!/^[+-]?\d+$/.test(text))
    throw new Failure("invalid", `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const count = Number(text);
  if (count < 1) throw new Failure("invalid", `--retries must be at least 1 (not ${count})`);
  return { Retries: count };
}
