/** `--output`: where the result goes (docker/buildx, util/buildflags/export.go). */
import { Failure } from "../../../errors.ts";
import { parseReference, withDefaultTag, type Reference } from "../../../oci/index.ts";
import type { TakesFiles } from "../outputs/write_files.ts";
import { csvAttributes, csvBoolean, csvFields } from "./csv_fields.ts";

export type BuildOutput =
  /** The image stays in the store, under further names; `push` sends these to their registries. */
  | { readonly type: "image"; readonly names: readonly Reference[]; readonly push: boolean }
  /** An archive for `docker load`, or of OCI layout. Without `dest`: a `docker` image stays in the store. */
  | { readonly type: "docker" | "oci"; readonly names: readonly Reference[]; readonly dest?: string }
  /** The root filesystem as one tar. */
  | { readonly type: "tar"; readonly dest: string }
  /** The root filesystem's files in a directory, or its tar to whoever makes files of it elsewhere. */
  | { readonly type: "local"; readonly dest: string | TakesFiles };

const known: Readonly<Record<string, readonly string[]>> = {
  image: ["name", "push", "rewrite-timestamp"],
  registry: ["name", "rewrite-timestamp"],
  docker: ["name", "dest", "rewrite-timestamp"],
  oci: ["name", "dest", "tar", "rewrite-timestamp"],
  tar: ["dest"],
  local: ["dest"],
};

/**
 * Reads `type=TYPE,key=value…`, and the short forms `DIR` (local) and `-` (a tar on standard output). `dest` is a path,
 * or `-` for standard output. Throws `Failure("invalid")`.
 */
export function parseOutput(text: string): BuildOutput {
  const fields = csvFields(text, "output");
  const [only] = fields;
  if (fields.length === 1 && only !== undefined && !only.text.startsWith("type=")) {
    if (only.text === "") throw new Failure("invalid", "invalid empty value for --output");
    return only.text === "-" ? { type: "tar", dest: "-" } : { type: "local", dest: only.text };
  }
  const attributes = csvAttributes(text, "output");
  const type = attributes.get("type");
  if (type === undefined)
    throw new Failure("invalid", `invalid value "${text}" for --output: type is required`);
  checkKeys(type, attributes);
  return outputOf(type, attributes);
}

function checkKeys(type: string, attributes: ReadonlyMap<string, string>): void {
  const keys = Object.hasOwn(known, type) ? known[type] : undefined;
  if (keys === undefined) {
    const types = Object.keys(known).join(", ");
    throw new Failure("invalid", `unsupported output type "${type}"`, { hint: `The types are ${types}.` });
  }
  const wrong = [...attributes.keys()].find((key) => key !== "type" && !keys.includes(key));
  if (wrong === undefined) return;
  throw new Failure("invalid", `--output type=${type} has no attribute "${wrong}"`, {
    hint: `It has ${keys.join(", ")}.`,
  });
}

function outputOf(type: string, attributes: ReadonlyMap<string, string>): BuildOutput {
  const names = (attributes.get("name") ?? "")
    .split(",")
    .filter((name) => name !== "")
    .map((name) => withDefaultTag(parseReference(name)));
  const dest = attributes.get("dest");
  switch (type) {
    case "docker":
    case "oci":
      if (type === "oci" && attributes.has("tar") && !csvBoolean(attributes, "tar", "output"))
        throw new Failure(
          "unsupported",
          "--output type=oci,tar=false: a layout in a directory cannot be written",
          {
            hint: "Write the archive and unpack it: tar -xf image.tar -C DIR",
          },
        );
      return { type, names, ...(dest !== undefined && { dest }) };
    case "tar":
      return { type, dest: dest ?? "-" };
    case "local":
      if (dest === undefined) throw new Failure("invalid", "dest is required for local output");
      return { type, dest };
    default:
      return { type: "image", names, push: type === "registry" || csvBoolean(attributes, "push", "output") };
  }
}
