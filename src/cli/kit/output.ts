/** Printing of lists and records: tables, `--format`, `--json`, `-q`, as Docker's CLI prints them. */
import { goJson } from "../../oci/index.ts";
import { compileTemplate, type Template } from "./go_template.ts";
import { plainJson, prettyJson } from "./json_text.ts";
import { alignTabs } from "./table.ts";
import type { TemplateFunction } from "./template_functions.ts";

/** How the user wants a list. All fields come straight from flags of these names. */
export interface ListStyle {
  /** `table`, `table TEMPLATE`, `json` or a template. */
  readonly format?: string | undefined;
  /** One JSON array instead of a table. */
  readonly json?: boolean;
  /** Only the field `quietField`. */
  readonly quiet?: boolean;
}

export interface ListLayout {
  /** Column headings by field: `{ ID: "IMAGE ID" }`. A field without one is headed by its name in capitals. */
  readonly headers: Readonly<Record<string, string>>;
  /** Without `table `: `{{.ID}}\t{{.CreatedSince}}`. */
  readonly table: string;
  /** Field shown by `-q`; default `ID`. */
  readonly quietField?: string;
  /** Go's name of the row's type, for Docker's message about an unknown field: `*formatter.imageContext`. */
  readonly typeName?: string;
}

/**
 * A row: its fields by Docker's names. Getters do, and are only called when a template asks for the field. A function
 * is a method for templates (`{{.Label "x"}}`) and no part of the JSON.
 */
export type Row = Readonly<Record<string, unknown>>;

/**
 * The text of a list. Throws `Failure("invalid")` for a bad template, in Docker's words; checked even when there are
 * no rows.
 */
export function renderList(rows: readonly Row[], layout: ListLayout, style: ListStyle = {}): string {
  const { format, json = false, quiet = false } = style;
  const { quietField = "ID" } = layout;
  if (json) {
    return `${prettyJson(rows.map((row) => (quiet ? row[quietField] : fieldsOf(row))))}\n`;
  }
  if (format === "json") return rows.map((row) => `${rowJson(row)}\n`).join("");
  const isTable = format === undefined || format === "" || format.startsWith("table");
  const source = templateOf(format, layout.table);
  // As in Docker, a template of the user's own is stronger than -q.
  if (quiet && source === layout.table) return renderRows(rows, `{{.${quietField}}}`, layout);
  if (!isTable) return renderRows(rows, source, layout);
  const body = renderRows(rows, source, layout);
  return alignTabs(`${headerLine(source, layout)}\n${body}`);
}

/** The template within a format, with `\t` and `\n` spelled out by the user turned into characters. */
function templateOf(format: string | undefined, standard: string): string {
  const custom = (format ?? "").replace(/^table/, "").replace(/^ +| +$/g, "");
  return (custom === "" ? standard : custom).replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}

function renderRows(rows: readonly Row[], source: string, layout: ListLayout): string {
  const template = compileTemplate(source);
  const options = layout.typeName === undefined ? {} : { typeName: layout.typeName };
  return rows.map((row) => `${template(row, { ...options, functions: jsonOfRow(row) })}\n`).join("");
}

/** Docker marshals a whole row with sorted keys and Go's escapes, but single fields without escapes. */
function jsonOfRow(row: Row): Record<string, TemplateFunction> {
  return { json: (value) => (value === row ? rowJson(row) : plainJson(value)) };
}

/** Heading functions leave their text alone, so that `{{upper .ID}}` has the heading of `{{.ID}}`. */
const headerFunctions: Record<string, TemplateFunction> = Object.fromEntries(
  ["json", "split", "join", "title", "lower", "upper", "truncate"].map((name) => [
    name,
    (value: unknown) => value,
  ]),
);

function headerLine(source: string, { headers }: ListLayout): string {
  const heading: ProxyHandler<Record<string, unknown>> = {
    has: (_, field) => typeof field === "string",
    get: (_, field) => {
      if (field === "Label") return labelHeading;
      const name = String(field);
      return headers[name] ?? name.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toUpperCase();
    },
  };
  // A field of a field (`{{.Label "x"}}`, `{{.Ports.X}}`) has no heading of its own.
  try {
    return compileTemplate(source)(new Proxy({}, heading), { functions: headerFunctions });
  } catch {
    return "";
  }
}

/** `{{.Label "com.acme.build-date"}}` is headed by `build date`. */
function labelHeading(name: string): string {
  return (name.split(".").at(-1) as string).replace(/[-_]/g, " ");
}

function fieldsOf(row: Row): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const name of fieldNames(row)) {
    if (typeof row[name] !== "function") fields[name] = row[name];
  }
  return fields;
}

/** Own fields and the getters of the row's class. */
function fieldNames(row: Row): string[] {
  const found = new Set(Object.keys(row));
  for (
    let proto = Object.getPrototypeOf(row) as object | null;
    proto !== null && proto !== Object.prototype;
    proto = Object.getPrototypeOf(proto) as object | null
  ) {
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(proto))) {
      if (get !== undefined) found.add(name);
    }
  }
  return [...found];
}

/** One row as `--format json` prints it: keys sorted, Go's escapes of `<`, `>` and `&`. */
function rowJson(row: Row): string {
  return goJson(fieldsOf(row), { sortKeys: "top" });
}

/**
 * The text of `inspect`: all records in one JSON array, indented, or on one line for `--format json`; with a template,
 * one line for each.
 */
export function renderInspect(records: readonly unknown[], format?: string): string {
  if (format === undefined || format === "") return `${prettyJson(records)}\n`;
  if (format === "json") return `${plainJson(records)}\n`;
  const template = compileFormat(format);
  return records.map((record) => `${template(record)}\n`).join("");
}

/** The text of a single record such as `info` or `version`, or undefined when no format is asked for. */
export function renderRecord(record: Row, style: ListStyle, typeName?: string): string | undefined {
  if (style.json === true) return `${prettyJson(record)}\n`;
  if (style.format === undefined || style.format === "") return undefined;
  if (style.format === "json") return `${plainJson(record)}\n`;
  return `${compileFormat(style.format)(record, typeName === undefined ? {} : { typeName })}\n`;
}

/** Compiles a format in which users spell tabs and line feeds as `\t` and `\n`. */
function compileFormat(format: string): Template {
  return compileTemplate(format.replaceAll("\\t", "\t").replaceAll("\\n", "\n"));
}
