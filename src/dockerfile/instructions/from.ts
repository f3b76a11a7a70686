import { Complaint } from "../complaint.ts";
import { readFlags } from "../flags.ts";
import type { FromInstruction } from "../types.ts";
import { plainWords, type Bare, type Parts } from "./parts.ts";

export function parseFrom(parts: Parts): Bare<FromInstruction> {
  const [image, as, written, ...more] = plainWords(parts.rest);
  const named = as?.toLowerCase() === "as" && written !== undefined && more.length === 0;
  if (image === undefined || (as !== undefined && !named))
    throw new Complaint("FROM requires either one or three arguments");
  const name = written?.toLowerCase();
  if (name !== undefined && !/^[a-z][a-z0-9\-_.]*$/.test(name)) {
    const why = "name can't start with a number or contain symbols";
    throw new Complaint(`invalid name for build stage: ${JSON.stringify(written)}, ${why}`, {
      at: parts.restAt + parts.rest.length - (written ?? "").length,
    });
  }
  const platform = readFlags(parts.flags, { platform: "text" }).get("platform")?.[0]?.value;
  if (as !== undefined && written !== undefined) warnOfCase(parts, as, written);
  return {
    kind: "from",
    image,
    ...(platform === undefined ? {} : { platform }),
    ...(name === undefined ? {} : { name }),
  };
}

function warnOfCase({ word, warn }: Parts, as: string, name: string): void {
  if (name !== name.toLowerCase()) warn("StageNameCasing", `Stage name '${name}' should be lowercase`);
  const same =
    word === word.toLowerCase()
      ? as === as.toLowerCase()
      : word !== word.toUpperCase() || as === as.toUpperCase();
  if (!same) warn("FromAsCasing", `'${as}' and '${word}' keywords' casing do not match`);
  if (name.toLowerCase() === "scratch" || name.toLowerCase() === "context") {
    const reserved = JSON.stringify(name.toLowerCase());
    warn("ReservedStageName", `Stage name should not use the same name as reserved stage ${reserved}`);
  }
}
