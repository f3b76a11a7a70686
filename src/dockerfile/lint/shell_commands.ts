/**
 * The simple commands of a shell text, as far as lint needs them: split at `&&`, `||`, `;`, `|`, `&` and line feeds that
 * are not quoted. No shell: what it cannot understand it takes as a word.
 */
import type { Command } from "../types.ts";

export interface ShellCommand {
  /** Without variables set before it, and without `sudo`, `exec`, `env`, `time`. */
  readonly name: string;
  /** All words behind the name; quotes are gone. */
  readonly words: readonly string[];
  readonly hasSudo: boolean;
}

const shells = /^(?:.*\/)?(?:ba|da|a|z|k)?sh$/;

const known = new WeakMap<Command, readonly ShellCommand[]>();

/** Also of here-documents that a shell runs, and of `["sh", "-c", "…"]`. */
export function commandsOf(command: Command): readonly ShellCommand[] {
  const commands = known.get(command) ?? read(command);
  known.set(command, commands);
  return commands;
}

function read(command: Command): ShellCommand[] {
  if (command.form === "exec") {
    const [name, flag, text] = command.words;
    if (shells.test(name ?? "") && flag?.startsWith("-") === true && flag.endsWith("c"))
      return split(text ?? "");
    const only = commandOf(command.words);
    return only === undefined ? [] : [only];
  }
  const script = /^\s*<<-?\s*\S+\s*$/.test(command.text)
    ? (command.hereDocuments[0]?.content ?? "")
    : command.text;
  return split(script);
}

function split(text: string): ShellCommand[] {
  return sentences(text).flatMap((words) => commandOf(words) ?? []);
}

const prefixes = new Set([
  "sudo",
  "exec",
  "env",
  "time",
  "command",
  "then",
  "do",
  "else",
  "if",
  "!",
  "{",
  "(",
]);

function commandOf(words: readonly string[]): ShellCommand | undefined {
  let [at, hasSudo] = [0, false];
  for (; at < words.length; at++) {
    const word = words[at] as string;
    const isPrefix = prefixes.has(word) || /^[A-Za-z_]\w*=/.test(word) || (hasSudo && word.startsWith("-"));
    if (!isPrefix) break;
    hasSudo ||= word === "sudo";
  }
  const name = words[at];
  if (name === undefined) return hasSudo ? { name: "", words: [], hasSudo } : undefined;
  return { name: name.replace(/^.*\//, ""), words: words.slice(at + 1), hasSudo };
}

/** One token: what is quoted, an operator, blanks, or a piece of a word. */
const token = /'([^']*)'|"((?:[^"\\]|\\.)*)"|(&&|\|\||[;|&\n])|([ \t]+)|\\\n|\\(.)|([^'"&|;\s\\]+|.)/gs;

function sentences(text: string): string[][] {
  const found: string[][] = [];
  let words: string[] = [];
  let word: string | undefined;
  const endWord = (): void => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  for (const [, single, double, operator, blanks, escaped, piece] of text.matchAll(token)) {
    // `2>&1` and `&>` are no ends of a command.
    if (operator !== undefined && !(operator === "&" && word?.endsWith(">") === true)) {
      endWord();
      found.push(words);
      words = [];
    } else if (blanks !== undefined) endWord();
    else {
      const part = single ?? double ?? escaped ?? piece ?? operator;
      if (part !== undefined) word = (word ?? "") + part;
    }
  }
  endWord();
  return [...found, words].filter((each) => each.length > 0);
}

/** Words that are no flags. */
export function operands({ words }: ShellCommand): string[] {
  return words.filter((word) => !word.startsWith("-"));
}
