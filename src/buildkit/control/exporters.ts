/** What becomes of the result: outputs as clients ask for them (moby/buildkit, exporter/; moby, builder-next/exporter). */
import type { BuildOutput } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { parseReference, withDefaultTag, type Reference } from "../../oci/index.ts";
import { sendFiles, sendStream } from "../filesync/index.ts";
import type { Session } from "../session/index.ts";
import type { Attributes } from "./dockerfile_attributes.ts";

export interface ExporterAsked {
  readonly type: string;
  readonly attributes: Attributes;
}

export interface Exports {
  readonly outputs: readonly BuildOutput[];
  /** Where an output that is one stream of bytes goes. */
  readonly stdout?: ReturnType<typeof sendStream>;
  /** What is shown while each is made, and whether it is an image that stays here. */
  readonly shown: readonly { readonly title: string; readonly isImage: boolean }[];
}

/**
 * Names are those of all images that stay here or are pushed.
 * @param session the client's, which takes files
 * @throws Failure("unsupported"), Failure("invalid")
 */
export function exportsAsked(
  asked: readonly ExporterAsked[],
  session: Session | undefined,
  signal: AbortSignal,
): Exports {
  const outputs = asked.map((each, exporter) => outputOf(each, session, exporter));
  const streams = outputs.flatMap((output, at) => ("dest" in output && output.dest === "-" ? [at] : []));
  const [exporter] = streams;
  if (streams.length > 1)
    throw new Failure("unsupported", "several outputs that are one stream of bytes are not supported");
  return {
    outputs,
    shown: outputs.map((output) => ({ title: titleOf(output), isImage: output.type === "image" })),
    ...(exporter !== undefined && { stdout: sendStream(needed(session), { exporter, signal }) }),
  };
}

function outputOf(
  { type, attributes }: ExporterAsked,
  session: Session | undefined,
  /** Which of them it is: what the client tells them apart by. */
  exporter: number,
): BuildOutput {
  const names = namesOf(attributes["name"] ?? "");
  switch (type) {
    case "moby":
      // Its clients push by `POST /images/NAME/push`.
      return { type: "image", names, push: false };
    case "image":
      return { type: "image", names, push: /^(1|t|T|true|TRUE|True)$/.test(attributes["push"] ?? "") };
    case "docker":
    case "oci":
      return { type, names, dest: "-" };
    case "tar":
      return { type, dest: "-" };
    case "local":
      return { type, dest: (tar, where) => sendFiles(needed(session), tar, { ...where, exporter }) };
    default:
      throw new Failure("invalid", `exporter "${type}" could not be found`, {
        hint: "The exporters are moby, image, docker, oci, tar and local.",
      });
  }
}

function needed(session: Session | undefined): Session {
  if (session === undefined)
    throw new Failure("invalid", "no session: there is nobody to send the result to");
  return session;
}

function namesOf(text: string): Reference[] {
  return text
    .split(",")
    .filter((name) => name !== "")
    .map((name) => withDefaultTag(parseReference(name)));
}

/** BuildKit's (exporter/…, `Name`). */
function titleOf({ type }: BuildOutput): string {
  switch (type) {
    case "image":
      return "exporting to image";
    case "docker":
      return "exporting to docker image format";
    case "oci":
      return "exporting to oci image format";
    case "tar":
      return "exporting to client tarball";
    case "local":
      return "exporting to client directory";
  }
}
