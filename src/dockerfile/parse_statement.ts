/** A statement to its instruction. */
import { Complaint } from "./complaint.ts";
import { guess } from "./guess.ts";
import { parseCopy } from "./instructions/copy.ts";
import { parseFrom } from "./instructions/from.ts";
import { parseHealthcheck } from "./instructions/healthcheck.ts";
import { parseOnbuild } from "./instructions/onbuild.ts";
import { command, noFlags, oneArgument, plainWords, type Bare, type Parts } from "./instructions/parts.ts";
import { parseRun } from "./instructions/run.ts";
import { parseArg, parseNameValues, parseShell, parseVolume } from "./instructions/simple.ts";
import { splitStatement } from "./split_statement.ts";
import { LocatedComplaint, spanOf } from "./statement_place.ts";
import type { Statement } from "./statements.ts";
import type { DockerfileWarning, Instruction } from "./types.ts";

export interface ParsedStatement {
  readonly instruction: Instruction;
  readonly warnings: readonly DockerfileWarning[];
  /** The instruction's word as written. */
  readonly word: string;
}

/** Throws {@link LocatedComplaint}. */
export function parseStatement(
  statement: Statement,
  escape: "\\" | "`",
  lines: readonly string[],
): ParsedStatement {
  const { text, place, hereDocuments, documentLines } = statement;
  const behind = statement.trailing + (documentLines === "" ? "" : `\n${documentLines}`);
  const span = spanOf(place, lines);
  const warnings: DockerfileWarning[] = [];
  const warn = (rule: string, message: string): void => void warnings.push({ rule, message, span });
  try {
    const split = splitStatement(text, escape);
    const name = split.word.toUpperCase();
    const parser = parsers[name];
    if (parser === undefined) throw unknown(name, split.word);
    const bare = parser({ ...split, name, escape, hereDocuments, behind, warn }, text);
    return { instruction: { ...bare, text, span }, warnings, word: split.word };
  } catch (error) {
    if (error instanceof Complaint) throw new LocatedComplaint(error, place, text);
    throw error;
  }
}

/** By the word in capitals. Without prototype: `CONSTRUCTOR` is no instruction. */
const parsers: Readonly<Record<string, (parts: Parts, text: string) => Bare<Instruction>>> = {
  __proto__: null as never,
  FROM: parseFrom,
  ARG: parseArg,
  ENV: (parts) => parseNameValues(parts, "env"),
  LABEL: (parts) => parseNameValues(parts, "label"),
  MAINTAINER(parts) {
    parts.warn("MaintainerDeprecated", "Maintainer instruction is deprecated in favor of using label");
    return { kind: "maintainer", author: oneArgument(parts) };
  },
  COPY: (parts) => parseCopy(parts, "copy"),
  ADD: (parts) => parseCopy(parts, "add"),
  RUN: parseRun,
  WORKDIR: (parts) => ({ kind: "workdir", path: oneArgument(parts) }),
  USER: (parts) => ({ kind: "user", user: oneArgument(parts) }),
  SHELL: parseShell,
  CMD: (parts) => startCommand(parts, "cmd"),
  ENTRYPOINT: (parts) => startCommand(parts, "entrypoint"),
  EXPOSE(parts) {
    const ports = plainWords(parts.rest);
    if (ports.length === 0) throw new Complaint("EXPOSE requires at least one argument");
    noFlags(parts);
    // Docker sorts them as they are written, which shows in the history.
    return { kind: "expose", ports: ports.sort() };
  },
  VOLUME: parseVolume,
  STOPSIGNAL: (parts) => ({ kind: "stopsignal", signal: oneArgument(parts) }),
  HEALTHCHECK: parseHealthcheck,
  ONBUILD: parseOnbuild,
};

function startCommand(parts: Parts, kind: "cmd" | "entrypoint"): Bare<Instruction> {
  const start = command(parts);
  noFlags(parts);
  return { kind, command: start };
}

function unknown(name: string, word: string): Complaint {
  const meant = guess(name, Object.keys(parsers));
  const inCase = word === word.toLowerCase() ? meant?.toLowerCase() : meant;
  return new Complaint(`unknown instruction: ${name}`, { guess: inCase });
}
