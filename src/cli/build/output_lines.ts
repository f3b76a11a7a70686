/** One stream of a command's output as lines that can be shown among those of other steps. */
import { StringDecoder } from "node:string_decoder";

/** Characters of a line that its program does not end. */
const longest = 16_384;

export class OutputLines {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  /** The lines that the chunk has ended. */
  add(chunk: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.write(Buffer.from(chunk))).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > longest) {
      lines.push(this.#rest);
      this.#rest = "";
    }
    return lines.map(cleanLine);
  }

  /** What comes after the last line feed: a question, or a bar that grows. */
  get open(): string {
    return cleanLine(this.#rest);
  }

  end(): string[] {
    const { open } = this;
    this.#rest = "";
    return open === "" ? [] : [open];
  }
}

/**
 * What a line looks like at its end. The program has no terminal: whatever it says to one would move the cursor into
 * another step's lines, or tell our user's terminal what an image's author likes. BuildKit passes it on.
 */
export function cleanLine(line: string): string {
  const last = line.replace(/\r+$/, "").split("\r").at(-1) as string;
  return (
    last
      // CSI, OSC and other strings, escapes of two characters (ECMA-48, 5.3 to 5.6).
      .replace(/\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]/g, "")
      .replaceAll("\t", "    ")
      .replace(/[\x00-\x1f\x7f-\x9f]/g, "")
  );
}
