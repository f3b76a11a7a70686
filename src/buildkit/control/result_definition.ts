/**
 * The result of a build as a graph of LLB: clients pass it on as the input of another build (`contexts` of `buildx bake`,
 * `additional_contexts` of compose), and only there is it looked at again.
 */
import { Failure } from "../../errors.ts";
import { digestOf } from "../../oci/index.ts";
import { integer, many, message, one, text, type Read, type Write } from "../../rpc/index.ts";
import type { Definition } from "./control_messages.ts";

/** `pb.Op` (solver/pb/ops.proto): a source, or the end of the graph. */
const Op = message({
  inputs: many(1, message({ digest: text(1), index: integer(2) })),
  source: one(3, message({ identifier: text(1) })),
});

const scheme = "varve-result://";

export function resultDefinition(result: string): Write<typeof Definition> {
  const source = Op.encode({ source: { identifier: `${scheme}${result}` } });
  const end = Op.encode({ inputs: [{ digest: digestOf(source), index: 0 }] });
  const operations = [source, end];
  // To clients one without metadata is none at all.
  return { operations, metadata: operations.map((each) => ({ digest: digestOf(each), metadata: {} })) };
}

/** @throws Failure("unsupported") for any other graph */
export function resultOfDefinition({ operations }: Read<typeof Definition>): string {
  for (const operation of operations) {
    const identifier = Op.decode(operation).source?.identifier ?? "";
    if (identifier.startsWith(scheme)) return identifier.slice(scheme.length);
  }
  throw new Failure("unsupported", "a build graph (LLB) cannot be the input of a build here", {
    hint: "Inputs are results of other Dockerfiles.",
  });
}
