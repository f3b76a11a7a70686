/** What is wrong with one instruction, and where in its text; `parse_failure.ts` makes a `Failure` of it. */

export interface ComplaintOptions {
  /** Offset in the text of the instruction; default: its word. */
  readonly at?: number;
  /** How many characters from there are wrong; default: the word that begins there. */
  readonly length?: number;
  /** What was meant, probably. */
  readonly guess?: string | undefined;
  /**
   * `syntax`: Docker finds it while it takes the whole file apart, before it looks at what any instruction means, and
   * says so in other words. `file`: about the file as a whole, said without any line.
   */
  readonly phase?: "syntax" | "instruction" | "file";
}

/** Never leaves this folder. */
export class Complaint extends Error {
  readonly at: number;
  readonly length: number | undefined;
  readonly guess: string | undefined;
  readonly phase: "syntax" | "instruction" | "file";

  constructor(message: string, options: ComplaintOptions = {}) {
    super(message);
    this.at = options.at ?? 0;
    this.length = options.length;
    this.guess = options.guess;
    this.phase = options.phase ?? "instruction";
  }
}
