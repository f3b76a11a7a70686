/** Instructions that are little more than their words. */
import { Complaint } from "../complaint.ts";
import { jsonWords } from "../json_words.ts";
import { nameValues } from "../name_values.ts";
import { quotedWords } from "../quoted_words.ts";
import type {
  ArgInstruction,
  EnvInstruction,
  LabelInstruction,
  ShellInstruction,
  VolumeInstruction,
} from "../types.ts";
import { noFlags, someArguments, type Bare, type Parts } from "./parts.ts";

export function parseArg(parts: Parts): Bare<ArgInstruction> {
  const words = quotedWords(parts.rest, parts.escape, parts.restAt);
  if (words.length === 0) throw new Complaint("ARG requires at least one argument");
  noFlags(parts);
  const values = words.map(({ text, at }) => {
    const equals = text.indexOf("=");
    if (equals === 0) throw new Complaint("ARG names can not be blank", { at });
    return equals < 0 ? { name: text } : { name: text.slice(0, equals), value: text.slice(equals + 1) };
  });
  return { kind: "arg", values };
}

export function parseNameValues<Kind extends "env" | "label">(
  parts: Parts,
  kind: Kind,
): Bare<EnvInstruction | LabelInstruction> {
  const { values, old, blankAt } = nameValues(parts.rest, parts.name, parts.escape, parts.restAt);
  noFlags(parts);
  if (blankAt !== undefined) throw new Complaint(`${parts.name} names can not be blank`, { at: blankAt });
  if (old) {
    const { name } = parts;
    const message = `"${name} key=value" should be used instead of legacy "${name} key value" format`;
    parts.warn("LegacyKeyValueFormat", message);
  }
  return { kind, values };
}

export function parseShell(parts: Parts): Bare<ShellInstruction> {
  const words = jsonWords(parts.rest, parts.restAt);
  noFlags(parts);
  if (parts.rest === "" || words?.length === 0) throw new Complaint("SHELL requires at least one argument");
  if (words === undefined) {
    const message = "SHELL requires the arguments to be in JSON form";
    throw new Complaint(message, { at: parts.restAt, length: parts.rest.length });
  }
  return { kind: "shell", words };
}

export function parseVolume(parts: Parts): Bare<VolumeInstruction> {
  const paths = someArguments(parts).map((path) => path.trim());
  if (paths.includes("")) {
    const message = "VOLUME specified can not be an empty string";
    throw new Complaint(message, { at: parts.restAt, length: parts.rest.length });
  }
  return { kind: "volume", paths };
}
