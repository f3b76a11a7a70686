import { Complaint } from "../complaint.ts";
import { readFlags, type PlacedValue } from "../flags.ts";
import { guess } from "../guess.ts";
import type { RunInstruction } from "../types.ts";
import { command, type Bare, type Parts } from "./parts.ts";
import { parseRunMount } from "./run_mount.ts";

const networks = ["default", "none", "host"] as const;
const securities = ["sandbox", "insecure"] as const;

/** A `RUN` of nothing is refused here; Docker starts a shell that complains of it. */
export function parseRun(parts: Parts): Bare<RunInstruction> {
  const flags = readFlags(parts.flags, { mount: "list", network: "text", security: "text" });
  const ran = command(parts);
  if (ran.form === "exec" ? ran.words.length === 0 : ran.text === "")
    throw new Complaint("RUN requires at least one argument");
  const network = oneOf(networks, flags.get("network")?.[0], (value) => `invalid network mode ${value}`);
  const security = oneOf(securities, flags.get("security")?.[0], (value) => `security ${value} is not valid`);
  return {
    kind: "run",
    command: ran,
    mounts: (flags.get("mount") ?? []).map(parseRunMount),
    ...(network === undefined ? {} : { network }),
    ...(security === undefined ? {} : { security }),
  };
}

function oneOf<T extends string>(
  known: readonly T[],
  given: PlacedValue | undefined,
  message: (quoted: string) => string,
): T | undefined {
  if (given === undefined) return undefined;
  const found = known.find((each) => each === given.value);
  if (found !== undefined) return found;
  throw new Complaint(message(JSON.stringify(given.value)), {
    at: given.at,
    guess: guess(given.value, known),
  });
}
