/** Some of many files, in words. */
import { type ByteString, toText } from "../../byte_string.ts";

/** `/a and 2 more files`; `/a`. */
export function exampleText(examples: readonly ByteString[], files: number): string {
  const first = `/${toText(examples[0] ?? "")}`;
  if (files <= 1) return first;
  return `${first} and ${files - 1} more ${files === 2 ? "file" : "files"}`;
}
