import { isBlank } from "./blanks.ts";

/** Collects words as they come in parts. Empty quotes alone make no word, as in Docker. */
export class WordSplitter {
  readonly #words: string[] = [];
  #word = "";

  /** Text in which blanks part words. */
  add(text: string): void {
    for (const character of text) {
      if (!isBlank(character)) this.#word += character;
      else this.end();
    }
  }

  /** Text that was quoted or escaped. */
  addWhole(text: string): void {
    this.#word += text;
  }

  /** Ends the word; all words so far. */
  end(): readonly string[] {
    if (this.#word !== "") this.#words.push(this.#word);
    this.#word = "";
    return this.#words;
  }
}
