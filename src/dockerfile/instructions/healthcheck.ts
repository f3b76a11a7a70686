import { Complaint } from "../complaint.ts";
import { parseDuration } from "../duration.ts";
import { readFlags, type PlacedValue } from "../flags.ts";
import type { HealthcheckInstruction } from "../types.ts";
import { command, type Bare, type Parts } from "./parts.ts";

const times = {
  interval: "interval",
  timeout: "timeout",
  "start-period": "startPeriod",
  "start-interval": "startInterval",
} as const;

export function parseHealthcheck(parts: Parts): Bare<HealthcheckInstruction> {
  if (parts.rest === "") throw new Complaint("HEALTHCHECK requires at least one argument");
  const [type = "", gap = ""] = /^\S+(\s*)/.exec(parts.rest) ?? [];
  const word = type.trimEnd();
  const rest = parts.rest.slice(word.length + gap.length);
  const restAt = parts.restAt + word.length + gap.length;
  const kind = word.toUpperCase();
  if (kind === "NONE" && rest !== "")
    throw new Complaint("HEALTHCHECK NONE takes no arguments", { at: restAt, length: rest.length });
  const flags = readFlags(parts.flags, {
    interval: "text",
    timeout: "text",
    "start-period": "text",
    "start-interval": "text",
    retries: "text",
  });
  if (kind === "NONE") return { kind: "healthcheck", command: "none" };
  if (kind !== "CMD") {
    const message = `Unknown type ${JSON.stringify(kind)} in HEALTHCHECK (try CMD)`;
    throw new Complaint(message, { at: parts.restAt });
  }
  const test = command({ ...parts, rest, restAt });
  if (rest === "" || (test.form === "exec" && test.words.length === 0))
    throw new Complaint("Missing command after HEALTHCHECK CMD", { at: parts.restAt });
  const given = Object.entries(times).flatMap(([name, key]) => {
    const value = time(name, flags.get(name)?.[0]);
    return value === undefined ? [] : [[key, value]];
  });
  const retries = count(flags.get("retries")?.[0]);
  return {
    kind: "healthcheck",
    command: test,
    ...Object.fromEntries(given),
    ...(retries === undefined ? {} : { retries }),
  };
}

/** An empty value is none, as in Docker. */
function time(name: string, given: PlacedValue | undefined): string | undefined {
  if (given === undefined || given.value === "") return undefined;
  const nanoseconds = parseDuration(given.value);
  if (nanoseconds === undefined) {
    const missing = /^[+-]?[\d.]*\d[\d.]*$/.test(given.value)
      ? "missing unit in duration"
      : "invalid duration";
    throw new Complaint(`time: ${missing} ${JSON.stringify(given.value)}`, { at: given.at });
  }
  if (nanoseconds < 1e6)
    throw new Complaint(`Interval ${JSON.stringify(name)} cannot be less than 1ms`, { at: given.at });
  return given.value;
}

function count(given: PlacedValue | undefined): string | undefined {
  if (given === undefined || given.value === "") return undefined;
  const fail = (why: string): never => {
    throw new Complaint(why, { at: given.at });
  };
  const parsing = `strconv.ParseInt: parsing ${JSON.stringify(given.value)}`;
  if (!/^[+-]?\d+$/.test(given.value)) fail(`${parsing}: invalid syntax`);
  const number = Number(given.value);
  if (number > 2147483647 || number < -2147483648) fail(`${parsing}: value out of range`);
  if (number < 1) fail(`--retries must be at least 1 (not ${number})`);
  return given.value;
}
