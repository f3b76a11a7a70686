/**
 * Graphs of LLB that mean something here: a result of a build, as its client passes it on to be the input of another one
 * (`contexts` of `buildx bake`, `additional_contexts` of compose), and files that lie elsewhere, of which clients read some
 * before they build (a bake file in a repository, a Dockerfile at a URL, a policy beside a Dockerfile).
 */
import type { BuilderTools } from "../../engine/index.ts";
import { digestOf } from "../../oci/index.ts";
import { flag, integer, many, map, message, one, text, type Read, type Write } from "../../rpc/index.ts";
import type { Definition } from "./control_messages.ts";

/** `pb.Op` (solver/pb/ops.proto): a source, what is done with it, or the end of the graph. */
const Op = message({
  inputs: many(1, message({ digest: text(1), index: integer(2) })),
  exec: one(2, message({})),
  source: one(3, message({ identifier: text(1), attributes: map(2) })),
  file: one(4, message({ actions: many(2, message({ copy: one(4, message({ unpack: flag(7) })) })) })),
  build: one(5, message({})),
  merge: one(6, message({})),
  diff: one(7, message({})),
});

export type RemotePlace = Parameters<BuilderTools["openRemoteFiles"]>[0];

export type Input = { readonly kind: "result"; readonly id: string } | RemotePlace;

const scheme = "varve-result://";

export function resultDefinition(result: string): Write<typeof Definition> {
  const source = Op.encode({ source: { identifier: `${scheme}${result}` } });
  const end = Op.encode({ inputs: [{ digest: digestOf(source), index: 0 }] });
  const operations = [source, end];
  // To clients one without metadata is none at all.
  return { operations, metadata: operations.map((each) => ({ digest: digestOf(each), metadata: {} })) };
}

/** Undefined: any other graph. */
export function inputOf({ operations }: Read<typeof Definition>): Input | undefined {
  const all = operations.map((each) => Op.decode(each));
  const [source, ...others] = all.flatMap((each) => each.source ?? []);
  if (source === undefined || others.length > 0) return undefined;
  if (all.some(({ exec, build, merge, diff }) => exec ?? build ?? merge ?? diff)) return undefined;
  const actions = all.flatMap(({ file }) => file?.actions ?? []);
  if (actions.some(({ copy }) => copy === undefined)) return undefined;
  const { identifier, attributes } = source;
  const [kind] = identifier.split("://", 1);
  switch (kind) {
    case "varve-result":
      return { kind: "result", id: identifier.slice(scheme.length) };
    case "git":
      return { kind, reference: gitReference(identifier, attributes) };
    case "http":
    case "https": {
      if (!URL.canParse(identifier)) return undefined;
      const name =
        attributes["http.filename"] || new URL(identifier).pathname.split("/").at(-1) || "download";
      return {
        kind: "url",
        url: identifier,
        name,
        unpack: actions.some(({ copy }) => copy?.unpack === true),
      };
    }
    default:
      return undefined;
  }
}

/** The fragment is in the identifier, which has no protocol; the address has one of its own. */
function gitReference(identifier: string, attributes: Readonly<Record<string, string>>): string {
  const hash = identifier.indexOf("#");
  const address = hash < 0 ? identifier : identifier.slice(0, hash);
  const full = attributes["git.fullurl"] ?? address.replace(/^git:/, "https:");
  return `${full}${hash < 0 ? "" : identifier.slice(hash)}`;
}
