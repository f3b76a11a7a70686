import { StringDecoder } from "node:string_decoder";
import type { Readable } from "node:stream";
import { Failure } from "../../errors.ts";
import { brokenConnection } from "./broken_connection.ts";

/** Characters of one line; Docker's longest, of `stats`, have some kilobytes. */
const longest = 4 * 1024 * 1024;

/** As JSON.parse takes it; the context has the text of a number. */
type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

/** The objects of a stream that has one a line: events, stats, progress. Throws `Failure("corrupt")` for other text. */
export async function* jsonLines<T>(from: Readable, reviver?: Reviver): AsyncGenerator<T, void, undefined> {
  const decoder = new StringDecoder("utf8");
  let text = "";
  for await (const chunk of unbroken(from)) {
    text += decoder.write(chunk);
    const lines = text.split("\n");
    text = lines.pop() as string;
    if (text.length > longest) throw new Failure("corrupt", "the daemon sends a line without end");
    for (const line of lines) if (line.trim() !== "") yield parsed<T>(line, reviver);
  }
  if (text.trim() !== "") yield parsed<T>(text, reviver);
}

async function* unbroken(from: Readable): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* from as AsyncIterable<Buffer>;
  } catch (error) {
    throw brokenConnection(error);
  }
}

function parsed<T>(line: string, reviver: Reviver | undefined): T {
  try {
    return JSON.parse(line, reviver as Parameters<typeof JSON.parse>[1]) as T;
  } catch (cause) {
    throw new Failure("corrupt", `the daemon sends what is no JSON: ${line.slice(0, 80)}`, { cause });
  }
}
