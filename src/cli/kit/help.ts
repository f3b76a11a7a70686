/** Help texts in the layout of Docker's CLI (docker/cli, cobra.go, `usageTemplate`), with the examples at the end. */
import type { Command, Flag, Flags, Program } from "./command.ts";

/** Columns when the output is no terminal, as Docker's. */
const defaultWidth = 80;

/** The usage line: `varve pull [OPTIONS] NAME[:TAG|@DIGEST]`. */
export function usageLine(program: Program<never>, command: Command<never>): string {
  return `${program.name} ${command.name}${command.usage === "" ? "" : ` ${command.usage}`}`;
}

/** What `varve COMMAND --help` prints. `width`: columns of the terminal. */
export function commandHelp(program: Program<never>, command: Command<never>, width = defaultWidth): string {
  const parts = [
    `Usage:  ${usageLine(program, command)}`,
    wrap(command.details ?? command.summary, 0, width),
  ];
  if (command.aliases !== undefined && command.aliases.length > 0) {
    const names = [...command.aliases, command.path].map((path) => `${program.name} ${path.join(" ")}`);
    parts.push(`Aliases:\n  ${names.join(", ")}`);
  }
  const options = flagList(command.flags, width);
  if (options !== "") parts.push(`Options:\n${options}`);
  const globals = flagList(program.globals, width);
  if (globals !== "") parts.push(`Global Options:\n${globals}`);
  if (command.examples !== undefined && command.examples.length > 0) {
    const lines = command.examples.map(({ text, command: line }) => `  # ${text}\n  $ ${line}`);
    parts.push(`Examples:\n${lines.join("\n\n")}`);
  }
  return `${parts.join("\n\n")}\n`;
}

/** What `varve system` prints. */
export function groupHelp(program: Program<never>, group: string): string {
  const rows = visible(program)
    .flatMap(({ path, aliases = [], summary }) => {
      const inside = [path, ...aliases].find((name) => name.length > 1 && name[0] === group);
      return inside === undefined ? [] : [[inside.slice(1).join(" "), summary] as const];
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    `Usage:  ${program.name} ${group} COMMAND`,
    program.groups[group]?.summary ?? "",
    `Commands:\n${twoColumns(rows)}`,
    `Run '${program.name} ${group} COMMAND --help' for more information on a command.\n`,
  ].join("\n\n");
}

/** What `varve` and `varve --help` print. */
export function rootHelp(program: Program<never>, width = defaultWidth): string {
  const sections = new Map<string, (readonly [string, string])[]>(
    (program.sections ?? []).map((name) => [name, []]),
  );
  const section = (name: string): (readonly [string, string])[] => {
    const rows = sections.get(name) ?? [];
    sections.set(name, rows);
    return rows;
  };
  for (const [name, { summary }] of Object.entries(program.groups)) {
    section("Management Commands").push([name, summary]);
  }
  for (const { path, summary, section: named } of visible(program)) {
    if (path.length === 1) section(named ?? "Commands").push([path[0] as string, summary]);
  }
  const parts = [`Usage:  ${program.name} [OPTIONS] COMMAND`, program.summary];
  const all = [...sections.values()].flat();
  for (const [name, rows] of sections) {
    if (rows.length > 0) parts.push(`${name}:\n${twoColumns(rows, all)}`);
  }
  const globals = flagList(program.globals, width);
  if (globals !== "") parts.push(`Global Options:\n${globals}`);
  parts.push(`Run '${program.name} COMMAND --help' for more information on a command.\n`);
  return parts.join("\n\n");
}

function visible(program: Program<never>): readonly Command<never>[] {
  return program.commands.filter(({ hidden }) => hidden !== true);
}

function twoColumns(
  rows: readonly (readonly [string, string])[],
  alignWith: readonly (readonly [string, string])[] = rows,
): string {
  // cobra pads names to 11 columns at least.
  const width = Math.max(11, ...alignWith.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)} ${text}`).join("\n");
}

/** pflag's `FlagUsagesWrapped`: names in a column, texts wrapped beside them, sorted by name. */
function flagList(flags: Flags, width: number): string {
  const rows = Object.entries(flags)
    .filter(([, { hidden }]) => hidden !== true)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => [flagTitle(name, flag), flag.help + defaultNote(flag)] as const);
  const indent = Math.max(0, ...rows.map(([title]) => title.length)) + 3;
  return rows.map(([title, text]) => `${title.padEnd(indent)}${wrap(text, indent, width)}`).join("\n");
}

function flagTitle(name: string, flag: Flag): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  const word = valueWord(flag);
  if (flag.kind === "string" && flag.bare !== undefined) return `  ${short}--${name}[=${word}]`;
  return `  ${short}--${name}${word === "" ? "" : ` ${word}`}`;
}

function valueWord(flag: Flag): string {
  if (flag.type !== undefined) return flag.type;
  if (flag.kind === "boolean") return "";
  return flag.kind === "number" && flag.integer === true ? "int" : flag.kind;
}

function defaultNote(flag: Flag): string {
  const from = flag.env === undefined ? "" : ` [$${flag.env}]`;
  const value = "default" in flag ? flag.default : undefined;
  if (value === undefined || value === false || value === "" || value === 0) return from;
  return `${from} (default ${typeof value === "string" ? JSON.stringify(value) : value})`;
}

/** pflag's wrap: lines end 5 columns early, unless a short last word fits into those. */
function wrap(text: string, indent: number, width: number): string {
  const slop = 5;
  const room = width - indent - slop;
  const margin = `\n${" ".repeat(indent)}`;
  if (room < 24 - slop) return text.replaceAll("\n", margin);
  const lines: string[] = [];
  for (let rest = text; rest !== "";) {
    const cut = room + slop > rest.length ? -1 : lastBreak(rest.slice(0, room));
    lines.push((cut < 0 ? rest : rest.slice(0, cut)).replaceAll("\n", margin));
    rest = cut < 0 ? "" : rest.slice(cut + 1);
  }
  return lines.join(margin);
}

function lastBreak(text: string): number {
  const line = text.lastIndexOf("\n");
  if (line > 0) return line;
  const space = Math.max(text.lastIndexOf(" "), text.lastIndexOf("\t"));
  return space > 0 ? space : -1;
}
