/** What a parser of one kind of instruction is given, and what it gives. */
import { Complaint } from "../complaint.ts";
import { readFlags } from "../flags.ts";
import { jsonWords } from "../json_words.ts";
import type { SplitStatement } from "../split_statement.ts";
import type { Command, HereDocument, Instruction } from "../types.ts";

export interface Parts extends SplitStatement {
  /** In capitals. */
  readonly name: string;
  readonly escape: "\\" | "`";
  readonly hereDocuments: readonly HereDocument[];
  /** What stood behind the statement: blanks, and the lines of its here-documents as written. */
  readonly behind: string;
  readonly warn: (rule: string, message: string) => void;
}

/** Where it stands is added by the caller. */
export type Bare<I extends Instruction> = I extends Instruction ? Omit<I, "text" | "span"> : never;

export function noFlags({ flags }: Parts): void {
  readFlags(flags, {});
}

/** The rest as one argument. */
export function oneArgument(parts: Parts): string {
  if (parts.rest === "") throw new Complaint(`${parts.name} requires exactly one argument`);
  noFlags(parts);
  return parts.rest;
}

/** A JSON list, or words between blanks; quotes mean nothing yet. */
export function someArguments(parts: Parts): string[] {
  const words = wordsOrJson(parts);
  if (words.length === 0) throw new Complaint(`${parts.name} requires at least one argument`);
  noFlags(parts);
  return words;
}

export function wordsOrJson(parts: Parts): string[] {
  return jsonWords(parts.rest, parts.restAt) ?? plainWords(parts.rest);
}

export function plainWords(text: string): string[] {
  return text === "" ? [] : text.split(/[\t\v\f\r ]+/);
}

export function command(parts: Parts): Command {
  const words = jsonWords(parts.rest, parts.restAt);
  if (words !== undefined) return { form: "exec", words };
  return { form: "shell", text: parts.rest, hereDocuments: parts.hereDocuments };
}
