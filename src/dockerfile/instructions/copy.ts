/** COPY and ADD. */
import { Complaint } from "../complaint.ts";
import { readFlags, type FlagKind } from "../flags.ts";
import { hereDocumentMark } from "../here_documents.ts";
import type { CopyInstruction, HereDocument } from "../types.ts";
import { jsonWords } from "../json_words.ts";
import { plainWords, type Bare, type Parts } from "./parts.ts";

const common = { chown: "text", chmod: "text", link: "boolean", exclude: "list" } as const;
const known: Readonly<Record<"copy" | "add", Readonly<Record<string, FlagKind>>>> = {
  copy: { ...common, from: "text", parents: "boolean" },
  add: { ...common, checksum: "text", "keep-git-dir": "boolean", unpack: "boolean" },
};

export function parseCopy(parts: Parts, kind: "copy" | "add"): Bare<CopyInstruction> {
  const json = jsonWords(parts.rest, parts.restAt);
  const [destination, ...others] = (json ?? plainWords(parts.rest)).toReversed();
  if (destination === undefined || others.length === 0) {
    throw new Complaint(
      `${parts.name} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  }
  const flags = readFlags(parts.flags, known[kind]);
  // In a JSON list nothing is a here-document, nor on a line whose quotes are not closed.
  const file = (word: string): HereDocument | undefined =>
    json === undefined ? named(hereDocumentMark(word)?.name, parts) : undefined;
  if (file(destination) !== undefined) {
    throw new Complaint(`${parts.name} cannot accept a heredoc as a destination`, {
      at: parts.restAt + parts.rest.length - destination.length,
    });
  }
  const sources = others.toReversed();
  const text = (name: string): string | undefined => flags.get(name)?.[0]?.value;
  const texts = Object.fromEntries(
    ["from", "chown", "chmod", "checksum"].flatMap((name) => {
      const value = text(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const unpack = text("unpack");
  return {
    kind,
    sources: sources.filter((word) => file(word) === undefined),
    hereDocuments: sources.flatMap((word) => file(word) ?? []),
    destination,
    ...texts,
    exclude: flags.get("exclude")?.map(({ value }) => value) ?? [],
    link: text("link") === "true",
    parents: text("parents") === "true",
    keepGitDir: text("keep-git-dir") === "true",
    ...(unpack === undefined ? {} : { unpack: unpack === "true" }),
  };
}

/** Of several of one name the last, as in Docker. */
function named(name: string | undefined, { hereDocuments }: Parts): HereDocument | undefined {
  return hereDocuments.findLast((document) => document.name === name);
}
