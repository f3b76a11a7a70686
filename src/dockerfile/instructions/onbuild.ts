import { Complaint } from "../complaint.ts";
import { nameValues } from "../name_values.ts";
import { splitStatement } from "../split_statement.ts";
import type { OnbuildInstruction } from "../types.ts";
import { noFlags, wordsOrJson, type Bare, type Parts } from "./parts.ts";

/**
 * What a trigger means is found out by the build that it fires in: Docker keeps also what is no instruction. Only what it
 * would not even take apart is refused.
 */
export function parseOnbuild(parts: Parts, text: string): Bare<OnbuildInstruction> {
  if (parts.rest === "") throw new Complaint("ONBUILD requires at least one argument");
  const trigger = splitStatement(text, parts.escape, parts.restAt);
  const name = trigger.word.toUpperCase();
  const jsonOrNot = ["ADD", "CMD", "COPY", "ENTRYPOINT", "RUN", "SHELL", "VOLUME"];
  if (jsonOrNot.includes(name)) wordsOrJson({ ...parts, ...trigger });
  if ((name === "ENV" || name === "LABEL") && trigger.rest !== "")
    nameValues(trigger.rest, name, parts.escape, trigger.restAt);
  noFlags(parts);
  if (name === "ONBUILD")
    throw new Complaint("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", { at: parts.restAt });
  if (name === "MAINTAINER" || name === "FROM")
    throw new Complaint(`${name} isn't allowed as an ONBUILD trigger`, { at: parts.restAt });
  return { kind: "onbuild", trigger: parts.rest + parts.behind };
}
