/** What counts as a blank: Go's `unicode.IsSpace`, by which Docker's parser trims and splits. */

const blank = /\p{White_Space}/u;

export function isBlank(character: string): boolean {
  return blank.test(character);
}

/** How many characters of blanks `text` begins with, from `from` on. */
export function countBlanks(text: string, from = 0): number {
  let end = from;
  while (end < text.length && isBlank(text.charAt(end))) end++;
  return end - from;
}

/** Without the blanks at its end. (A regular expression would need quadratic time for blanks amid the text.) */
export function trimBlanksAtEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
