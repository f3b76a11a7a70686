/**
 * Go's text/template as Docker's users write it behind `--format`: fields, pipelines, `if`, `with`, `range`, variables,
 * Go's functions and those of Docker's CLI. Objects are Go structs (an unknown field is an error); Maps, and objects
 * under the names of Docker's map fields (`Labels`, `Ports`...), are Go maps (an unknown key is `<no value>`).
 */
import { goPrint, goType, mapEntries } from "./go_print.ts";
import { executionError } from "./template_error.ts";
import { functionArity, isTrue, templateFunctions, type TemplateFunction } from "./template_functions.ts";
import { parseTemplate, type Node, type Operand, type Pipe, type TemplateCommand } from "./template_parse.ts";

export interface TemplateOptions {
  /** Go's name of the outermost value's type, for the message about an unknown field: `*formatter.imageContext`. */
  readonly typeName?: string;
  /** Functions that replace those of the same name. */
  readonly functions?: Readonly<Record<string, TemplateFunction>>;
}

/** A compiled template: applied to a value, it gives the text. Throws `Failure("invalid")` in Docker's words. */
export type Template = (value: unknown, options?: TemplateOptions) => string;

const names: ReadonlySet<string> = new Set([...Object.keys(templateFunctions), "and", "or"]);

/** Compiles a template. Throws `Failure("invalid")` in Docker's words for bad syntax and unknown functions. */
export function compileTemplate(source: string): Template {
  const nodes = parseTemplate(source, names);
  return (value, options = {}) => new Run(source, value, options).text(nodes);
}

/** Fields of Docker's records that are maps: their keys are the user's. */
const mapFields = new Set(
  (
    "Labels Annotations Options Ports PortBindings ExposedPorts Volumes Networks Sysctls Tmpfs DriverOpts Data " +
    "StorageOpt Config.Labels Containers EndpointsConfig"
  ).split(" "),
);

/** A format that counts further is a mistake; it would only fill the memory. */
const longestRange = 1_000_000;

type Flow = "next" | "break" | "continue";

interface Variable {
  readonly name: string;
  value: unknown;
}

/** Absent, which prints as `<no value>`, unlike Go's nil within a list or map. */
const nothing = undefined;

class Run {
  readonly #source: string;
  readonly #root: unknown;
  readonly #options: TemplateOptions;
  readonly #functions: Readonly<Record<string, TemplateFunction>>;
  readonly #variables: Variable[];
  readonly #out: string[] = [];

  constructor(source: string, root: unknown, options: TemplateOptions) {
    this.#source = source;
    this.#root = root;
    this.#options = options;
    this.#functions = { ...templateFunctions, ...options.functions };
    this.#variables = [{ name: "$", value: root }];
  }

  text(nodes: readonly Node[]): string {
    this.#list(nodes, this.#root);
    return this.#out.join("");
  }

  #list(nodes: readonly Node[], dot: unknown): Flow {
    for (const node of nodes) {
      const flow = this.#node(node, dot);
      if (flow !== "next") return flow;
    }
    return "next";
  }

  #node(node: Node, dot: unknown): Flow {
    switch (node.kind) {
      case "text":
        this.#out.push(node.text);
        return "next";
      case "action": {
        const value = this.#pipe(node.pipe, dot);
        if (node.pipe.variables.length === 0) this.#out.push(printed(value));
        return "next";
      }
      case "break":
      case "continue":
        return node.kind;
      case "if":
      case "with":
      case "range": {
        const scope = this.#variables.length;
        const flow = node.kind === "range" ? this.#range(node, dot) : this.#branch(node, dot);
        this.#variables.length = scope;
        return flow;
      }
    }
  }

  #branch(node: Extract<Node, { kind: "if" | "with" | "range" }>, dot: unknown): Flow {
    const value = this.#pipe(node.pipe, dot);
    if (!isTrue(value)) return this.#list(node.otherwise, dot);
    return this.#list(node.body, node.kind === "with" ? value : dot);
  }

  #range(node: Extract<Node, { kind: "if" | "with" | "range" }>, dot: unknown): Flow {
    const { variables, assigns } = node.pipe;
    const value = this.#pipe({ ...node.pipe, variables: [] }, dot);
    const items = this.#items(value, node.pipe);
    const scope = this.#variables.length;
    for (const [key, item] of items) {
      this.#variables.length = scope;
      const values = variables.length === 2 ? [key, item] : [item];
      for (const [i, name] of variables.entries()) this.#set(name, values[i], assigns);
      if (this.#list(node.body, item) === "break") break;
    }
    this.#variables.length = scope;
    return items.length === 0 ? this.#list(node.otherwise, dot) : "next";
  }

  #items(value: unknown, { at, commands }: Pipe): [unknown, unknown][] {
    if (value === null || value === undefined) return [];
    if (Array.isArray(value)) return [...value.entries()];
    if (typeof value === "object") return mapEntries(value);
    if (typeof value === "number" && Number.isInteger(value) && value <= longestRange) {
      return Array.from({ length: Math.max(0, value) }, (_, i) => [i, i]);
    }
    const node = commands.at(-1)?.[0];
    const shown = node?.text ?? "";
    throw executionError(this.#source, node?.at ?? at, shown, `range can't iterate over ${goPrint(value)}`);
  }

  #pipe(pipe: Pipe, dot: unknown): unknown {
    let value: unknown = nothing;
    for (const [i, command] of pipe.commands.entries()) {
      value = this.#command(command, dot, i === 0 ? [] : [value]);
    }
    for (const name of pipe.variables) this.#set(name, value, pipe.assigns);
    return value;
  }

  #set(name: string, value: unknown, assigns: boolean): void {
    const known = assigns ? this.#variables.findLast((variable) => variable.name === name) : undefined;
    if (known === undefined) this.#variables.push({ name, value });
    else known.value = value;
  }

  #command(command: TemplateCommand, dot: unknown, piped: readonly unknown[]): unknown {
    const [first, ...rest] = command as [Operand, ...Operand[]];
    if (first.kind === "function") return this.#call(first, rest, dot, piped);
    const value = first.kind === "literal" ? first.value : this.#operand(first, dot, true);
    if (typeof value === "function") {
      return this.#method(first, value, [...rest.map((arg) => this.#operand(arg, dot)), ...piped]);
    }
    if (rest.length + piped.length > 0) {
      const field = first.kind === "dot" ? first.fields.at(-1) : undefined;
      throw this.#error(
        first,
        field === undefined
          ? `can't give argument to non-function ${first.text}`
          : `${field} is not a method but has arguments`,
      );
    }
    if (first.kind === "literal" && first.value === null) throw this.#error(first, "nil is not a command");
    return value;
  }

  /** A row's own function, as `{{.Label "x"}}` calls it. */
  #method(operand: Operand, method: Function, args: readonly unknown[]): unknown {
    if (args.length === method.length) return (method as TemplateFunction)(...args);
    const name = operand.kind === "dot" ? operand.fields.at(-1) : operand.text;
    throw this.#error(operand, `wrong number of args for ${name}: want ${method.length} got ${args.length}`);
  }

  /** The value of an operand; one that is a function is called without arguments unless `uncalled`. */
  #operand(operand: Operand, dot: unknown, uncalled = false): unknown {
    const value = this.#value(operand, dot);
    return typeof value === "function" && !uncalled ? this.#method(operand, value, []) : value;
  }

  #value(operand: Operand, dot: unknown): unknown {
    switch (operand.kind) {
      case "literal":
        return operand.value;
      case "function":
        return this.#call(operand, [], dot, []);
      case "dot":
        return this.#fields(operand, dot, operand.fields);
      case "variable": {
        const found = this.#variables.findLast(({ name }) => name === operand.name);
        return this.#fields(operand, found?.value, operand.fields);
      }
      case "pipe":
        return this.#fields(operand, this.#pipe(operand.pipe, dot), operand.fields);
    }
  }

  #fields(operand: Operand, start: unknown, fields: readonly string[]): unknown {
    let value = start;
    let isMap = false;
    for (const field of fields) {
      value = this.#field(operand, value, field, isMap);
      isMap = mapFields.has(field);
    }
    return value;
  }

  #field(operand: Operand, value: unknown, field: string, isMap: boolean): unknown {
    if (value === null || value === undefined) {
      if (isMap) return nothing;
      throw this.#error(operand, `nil pointer evaluating interface {}.${field}`);
    }
    if (value instanceof Map) return (value as Map<string, unknown>).get(field);
    if (typeof value !== "object" || Array.isArray(value)) {
      const type = this.#options.typeName === undefined ? "interface {}" : goType(value);
      throw this.#error(operand, `can't evaluate field ${field} in type ${type}`);
    }
    // Rows may be objects of a class whose fields are getters; but nothing of Object.prototype counts.
    if (field in value && !(field in Object.prototype && !Object.hasOwn(value, field))) {
      return (value as Record<string, unknown>)[field];
    }
    if (isMap) return nothing;
    const { typeName } = this.#options;
    throw this.#error(
      operand,
      value === this.#root && typeName !== undefined
        ? `can't evaluate field ${field} in type ${typeName}`
        : `map has no entry for key ${JSON.stringify(field)}`,
    );
  }

  #call(
    operand: Operand & { kind: "function" },
    args: Operand[],
    dot: unknown,
    piped: readonly unknown[],
  ): unknown {
    const { name } = operand;
    const count = args.length + piped.length;
    const [least, most] = functionArity[name] as readonly [number, number];
    if (count < least || count > most) {
      const want = most === Infinity ? `at least ${least}` : `${least}`;
      throw this.#error(operand, `wrong number of args for ${name}: want ${want} got ${count}`);
    }
    if (name === "and" || name === "or") return this.#shortCircuit(name, args, dot, piped);
    const values = [...args.map((arg) => this.#operand(arg, dot)), ...piped];
    try {
      return (this.#functions[name] as TemplateFunction)(...values);
    } catch (error) {
      const call = { ...operand, text: [operand, ...args].map(({ text }) => text).join(" ") };
      throw this.#error(call, `error calling ${name}: ${(error as Error).message}`);
    }
  }

  #shortCircuit(name: "and" | "or", args: Operand[], dot: unknown, piped: readonly unknown[]): unknown {
    let value: unknown;
    for (const arg of args) {
      value = this.#operand(arg, dot);
      if (isTrue(value) === (name === "or")) return value;
    }
    return piped.length > 0 ? piped[0] : value;
  }

  #error(operand: Operand, what: string): Error {
    return executionError(this.#source, operand.at, operand.text, what);
  }
}

function printed(value: unknown): string {
  return value === null || value === undefined ? "<no value>" : goPrint(value);
}
