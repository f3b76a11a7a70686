/** The words of a text, for lists of names that would fill a page as arrays. */
export function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
