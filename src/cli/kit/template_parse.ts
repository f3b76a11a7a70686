/** Tokens to a tree: the grammar of Go's text/template without `define`, `block` and `template`. */
import { goQuote } from "./go_print.ts";
import { templateError } from "./template_error.ts";
import { lexTemplate, unquote, type Token } from "./template_lex.ts";

/** One operand. `at` and `text` serve messages. */
export type Operand = { readonly at: number; readonly text: string } & (
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "dot"; readonly fields: readonly string[] }
  | { readonly kind: "variable"; readonly name: string; readonly fields: readonly string[] }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "pipe"; readonly pipe: Pipe; readonly fields: readonly string[] }
);

/** A command: its first operand is called with the others. */
export type TemplateCommand = readonly Operand[];

export interface Pipe {
  readonly at: number;
  /** Variables set by it: `$x :=` or `$x =`; two of them in a range. */
  readonly variables: readonly string[];
  readonly assigns: boolean;
  readonly commands: readonly TemplateCommand[];
}

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly pipe: Pipe }
  | {
      readonly kind: "if" | "with" | "range";
      readonly pipe: Pipe;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | { readonly kind: "break" | "continue" };

/** Parses a template. `functions`: names that may be called. Throws `Failure("invalid")` in Go's words. */
export function parseTemplate(source: string, functions: ReadonlySet<string>): readonly Node[] {
  const parser = new Parser(source, functions);
  const { nodes, end } = parser.list(0);
  if (end !== undefined) throw parser.error(end.at, `unexpected {{${end.word}}}`);
  return nodes;
}

interface ListEnd {
  readonly word: "end" | "else";
  readonly at: number;
}

const keywords = new Set("break continue define else end if nil range template with".split(" "));

/** More nesting than any person writes; bounds the recursion. */
const deepest = 200;

class Parser {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #functions: ReadonlySet<string>;
  #position = 0;
  #loops = 0;
  #parens = 0;
  #variables: string[] = ["$"];

  constructor(source: string, functions: ReadonlySet<string>) {
    this.#source = source;
    this.#tokens = lexTemplate(source);
    this.#functions = functions;
  }

  error(at: number, what: string): Error {
    return templateError(this.#source, at, what);
  }

  /** Nodes up to `{{end}}`, `{{else...}}` (whose word is consumed) or the end of the text. */
  list(depth: number): { readonly nodes: Node[]; readonly end: ListEnd | undefined } {
    if (depth > deepest) throw this.error(this.#peek()?.at ?? 0, `nested deeper than ${deepest} levels`);
    const nodes: Node[] = [];
    for (;;) {
      const token = this.#next();
      if (token === undefined) return { nodes, end: undefined };
      if (token.kind === "text") {
        nodes.push({ kind: "text", text: token.text });
        continue;
      }
      const word = this.#peek()?.kind === "word" ? (this.#peek() as Token).text : "";
      if (word === "end" || word === "else") {
        this.#next();
        if (word === "end") this.#close("end");
        return { nodes, end: { word, at: token.at } };
      }
      const node = this.#action(word, depth);
      if (node !== undefined) nodes.push(node);
    }
  }

  #action(word: string, depth: number): Node | undefined {
    switch (word) {
      case "if":
      case "with":
      case "range":
        this.#next();
        return this.#branch(word, depth);
      case "break":
      case "continue": {
        const { at } = this.#next() as Token;
        this.#close(word);
        if (this.#loops === 0) throw this.error(at, `{{${word}}} outside {{range}}`);
        return { kind: word };
      }
      case "define":
      case "template":
      case "block":
        throw this.error((this.#peek() as Token).at, `{{${word}}} is not supported in formats`);
    }
    const pipe = this.#pipe("command", false);
    this.#close("command");
    return { kind: "action", pipe };
  }

  #branch(kind: "if" | "with" | "range", depth: number): Node {
    const scope = this.#variables.length;
    const pipe = this.#pipe(kind, kind === "range");
    this.#close(kind);
    if (kind === "range") this.#loops++;
    const { nodes: body, end } = this.list(depth + 1);
    if (kind === "range") this.#loops--;
    let otherwise: readonly Node[] = [];
    if (end?.word === "else") otherwise = this.#otherwise(kind, depth);
    else if (end === undefined) throw this.error(this.#source.length, "unexpected EOF");
    this.#variables.length = scope;
    return { kind, pipe, body, otherwise };
  }

  /** What stands behind `{{else`: a list, or `if ...}}` and `with ...}}`, which share the `{{end}}`. */
  #otherwise(kind: "if" | "with" | "range", depth: number): readonly Node[] {
    const next = this.#peek();
    if (next?.kind === "word" && next.text === kind && kind !== "range") {
      this.#next();
      return [this.#branch(kind, depth + 1)];
    }
    this.#close("else");
    const { nodes, end } = this.list(depth + 1);
    if (end === undefined) throw this.error(this.#source.length, "unexpected EOF");
    if (end.word === "else") throw this.error(end.at, "expected end; found {{else}}");
    return nodes;
  }

  #pipe(context: string, isRange: boolean): Pipe {
    const at = this.#peek()?.at ?? this.#source.length;
    const { variables, assigns } = this.#declaration(isRange);
    const commands: TemplateCommand[] = [];
    for (;;) {
      const command = this.#command(context);
      const first = command[0];
      if (commands.length > 0 && first?.kind === "literal") {
        throw this.error(first.at, `non executable command in pipeline stage ${commands.length + 1}`);
      }
      commands.push(command);
      if (!this.#take("|")) break;
    }
    if (!assigns) this.#variables.push(...variables);
    return { at, variables, assigns, commands };
  }

  #declaration(isRange: boolean): Pick<Pipe, "variables" | "assigns"> {
    const from = this.#position;
    const variables: string[] = [];
    while (this.#peek()?.kind === "variable") {
      variables.push((this.#next() as Token).text);
      if (this.#take(",")) {
        if (isRange && variables.length < 2) continue;
        throw this.error(
          (this.#peek() ?? { at: 0 }).at,
          `too many declarations in ${isRange ? "range" : "command"}`,
        );
      }
      const operator = this.#peek();
      if (operator?.text === ":=" || operator?.text === "=") {
        this.#next();
        if (operator.text === "=") for (const name of variables) this.#known(name, operator.at);
        return { variables, assigns: operator.text === "=" };
      }
      break;
    }
    this.#position = from;
    return { variables: [], assigns: false };
  }

  #command(context: string): TemplateCommand {
    const operands: Operand[] = [];
    for (;;) {
      const token = this.#peek();
      const ends = token === undefined || token.kind === "close" || token.text === "|" || token.raw === ")";
      if (ends) {
        if (operands.length > 0) return operands;
        if (token?.text === "|") throw this.#unexpected(token, context);
        throw this.error(token?.at ?? this.#source.length, `missing value for ${context}`);
      }
      if (operands.length > 0 && !token.spaced) throw this.#unexpected(token, "operand");
      operands.push(this.#operand());
    }
  }

  #operand(): Operand {
    const token = this.#next() as Token;
    const { at, text } = token;
    switch (token.kind) {
      case "field":
        return this.#withFields([text.slice(1)], at, text, (fields) => ({ kind: "dot", fields }));
      case "dot":
        return { kind: "dot", fields: [], at, text };
      case "variable":
        this.#known(text, at);
        return this.#withFields([], at, text, (fields) => ({ kind: "variable", name: text, fields }));
      case "string":
        return { kind: "literal", value: text, at, text: token.raw as string };
      case "char":
        return { kind: "literal", value: unquote(this.#source, at, text).codePointAt(0) as number, at, text };
      case "number":
        return { kind: "literal", value: this.#number(token), at, text };
      case "word":
        return this.#word(token);
    }
    if (text !== "(") throw this.#unexpected(token, "operand");
    if (++this.#parens > deepest) throw this.error(at, `nested deeper than ${deepest} levels`);
    const pipe = this.#pipe("parenthesized pipeline", false);
    this.#parens--;
    const close = this.#next();
    if (close?.raw !== ")") throw this.error(close?.at ?? at, "unclosed left paren");
    const written = this.#source.slice(at, close.at + 1);
    return this.#withFields([], at, written, (fields) => ({ kind: "pipe", pipe, fields }));
  }

  #word({ text, at }: Token): Operand {
    const literals: Record<string, boolean | null> = { true: true, false: false, nil: null };
    const value = Object.hasOwn(literals, text) ? literals[text] : undefined;
    if (value !== undefined) return { kind: "literal", value, at, text };
    if (!this.#functions.has(text)) throw this.error(at, `function ${JSON.stringify(text)} not defined`);
    return { kind: "function", name: text, at, text };
  }

  /** Takes the `.B.C` that follow without white space. Like Go, a chain is located at its second link. */
  #withFields(
    start: readonly string[],
    at: number,
    text: string,
    make: (
      fields: readonly string[],
    ) =>
      | { kind: "dot"; fields: readonly string[] }
      | { kind: "variable"; name: string; fields: readonly string[] }
      | { kind: "pipe"; pipe: Pipe; fields: readonly string[] },
  ): Operand {
    const fields = [...start];
    let place = at;
    let written = text;
    for (;;) {
      const token = this.#peek();
      if (token?.kind !== "field" || token.spaced) break;
      if (place === at) place = token.at;
      fields.push(token.text.slice(1));
      written += token.text;
      this.#next();
    }
    return { ...make(fields), at: place, text: written };
  }

  #number({ text, at }: Token): number {
    const after = this.#source[at + text.length] ?? "";
    const digits = text.replaceAll("_", "").replace(/^\+/, "");
    const value = digits.startsWith("-") ? -Number(digits.slice(1)) : Number(digits);
    if (/[\p{L}\p{N}_]/u.test(after) || Number.isNaN(value)) {
      throw this.error(at, `bad number syntax: ${JSON.stringify(text + after)}`);
    }
    return value;
  }

  #known(name: string, at: number): void {
    if (!this.#variables.includes(name)) throw this.error(at, `undefined variable ${JSON.stringify(name)}`);
  }

  #close(context: string): void {
    const token = this.#next();
    if (token?.kind !== "close") throw this.#unexpected(token, context);
  }

  #unexpected(token: Token | undefined, context: string): Error {
    const written = token?.raw ?? token?.text ?? "";
    const cut = written.length > 10 ? `${goQuote(written.slice(0, 10))}...` : goQuote(written);
    const shown = token === undefined ? "EOF" : keywords.has(written) ? `<${written}>` : cut;
    return this.error(token?.at ?? this.#source.length, `unexpected ${shown} in ${context}`);
  }

  #take(text: string): boolean {
    if (this.#peek()?.kind !== "symbol" || this.#peek()?.text !== text) return false;
    this.#position++;
    return true;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#position];
  }

  #next(): Token | undefined {
    return this.#tokens[this.#position++];
  }
}
