/**
 * The texts of Docker's old builder (moby 20.10, builder/dockerfile/dispatchers.go; behaviours B065, B068, B071). They
 * are the `Cmd` of the step's container, and so what its cache compares.
 */
import type { Instruction } from "../../dockerfile/index.ts";
import { durationText, plainList, quoteList, quoteRune, quoteText } from "./go_format.ts";
import { shellOf } from "../config/index.ts";
import { healthcheckOf, type ClassicFacts } from "./history_facts.ts";

/**
 * The words; joined by blanks they are the `created_by` of the row.
 * @param instruction with its variables expanded, by `expandInstruction`
 */
export function classicWords(instruction: Instruction, facts: ClassicFacts): string[] {
  if (instruction.kind === "run") return runWords(facts);
  // The shell is the new one after SHELL, too. Some texts are words of their own and some are not: hence the blanks.
  const shell = shellOf(facts.config);
  const text = commentOf(instruction, facts);
  return isOneWord(instruction) ? [...shell, `#(nop) ${text}`] : [...shell, "#(nop) ", text];
}

function isOneWord({ kind }: Instruction): boolean {
  return kind === "workdir" || kind === "copy" || kind === "add";
}

/** A command cannot begin with `|`, so this is never taken for one. */
function runWords({ args, command = [] }: ClassicFacts): string[] {
  return args === undefined ? [...command] : [`|${args.length}`, ...args, ...command];
}

function commentOf(instruction: Exclude<Instruction, { kind: "run" }>, facts: ClassicFacts): string {
  const { config } = facts;
  switch (instruction.kind) {
    case "copy":
    case "add":
      return copyText(instruction.kind.toUpperCase(), facts);
    case "expose":
      return `EXPOSE ${instruction.ports.join(" ")}`;
    case "arg":
      return `ARG ${pairs(instruction.values)}`;
    case "workdir":
      return `WORKDIR ${config.WorkingDir ?? ""}`;
    case "healthcheck":
      return `HEALTHCHECK ${healthcheckText(facts)}`;
    default:
      return plainText(instruction, config);
  }
}

/** Those on which both builders agree. `ONBUILD` has a row in the old one only. */
export function plainText(
  instruction: Exclude<
    Instruction,
    { kind: "run" | "copy" | "add" | "expose" | "arg" | "workdir" | "healthcheck" }
  >,
  config: ClassicFacts["config"],
): string {
  switch (instruction.kind) {
    case "from":
      return instruction.text;
    case "maintainer":
      return `MAINTAINER ${instruction.author}`;
    case "env":
      return `ENV ${pairs(instruction.values)}`;
    case "label":
      return `LABEL ${pairs(instruction.values)}`;
    case "user":
      return `USER ${instruction.user}`;
    case "volume":
      return `VOLUME ${plainList(instruction.paths)}`;
    case "cmd":
      return `CMD ${quoteList(config.Cmd ?? [])}`;
    case "entrypoint":
      return `ENTRYPOINT ${quoteList(config.Entrypoint ?? [])}`;
    case "stopsignal":
      return `STOPSIGNAL ${instruction.signal}`;
    case "shell":
      return `SHELL ${plainList(instruction.words)}`;
    case "onbuild":
      return `ONBUILD ${instruction.trigger}`;
  }
}

/** Values are not quoted. */
export function pairs(
  values: readonly { readonly name: string; readonly value?: string | undefined }[],
): string {
  return values.map(({ name, value }) => (value === undefined ? name : `${name}=${value}`)).join(" ");
}

/** Docker puts no blank after the owner, and one at the end. */
function copyText(name: string, { chown, content = "", destination = "" }: ClassicFacts): string {
  const owner = chown === undefined || chown === "" ? "" : `--chown=${chown}`;
  return `${name} ${owner}${content} in ${destination} `;
}

/** `%q` of a pointer to the struct: even the number is quoted, as a character. */
function healthcheckText({ config }: ClassicFacts): string {
  const { Test = [], Interval = 0, Timeout = 0, StartPeriod = 0, Retries = 0 } = healthcheckOf(config) ?? {};
  const times = [Interval, Timeout, StartPeriod].map((time) => quoteText(durationText(time))).join(" ");
  return `&{${quoteList(Test)} ${times} ${quoteRune(Retries)}}`;
}
