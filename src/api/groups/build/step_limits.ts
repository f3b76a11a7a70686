/** What a build's commands may use: `memory`, `cpuquota`, `ulimits`, ... of `POST /build`. */
import { stepLimits as limitsOf, type BuildRequest } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import type { Call } from "../../http/index.ts";
import { jsonOf } from "./query_values.ts";

type StepLimits = NonNullable<BuildRequest["stepLimits"]>;

/** Zero and nothing are no limit. @throws Failure("invalid") */
export function stepLimits(call: Call): StepLimits {
  const text = (name: string): string => call.query.get(name) ?? "";
  const integer = (name: string): number => call.integer(name) ?? 0;
  return limitsOf(
    { integer, text },
    {
      shmSize: integer("shmsize"),
      cgroupParent: text("cgroupparent"),
      ulimits: ulimits(text("ulimits")),
    },
  );
}

/** Docker's `[{"Name":"nofile","Soft":1,"Hard":2}]`. */
function ulimits(text: string): NonNullable<StepLimits["ulimits"]> {
  const value = jsonOf(text, "error reading ulimit settings") ?? [];
  const list: unknown[] = Array.isArray(value) ? value : [undefined];
  return list.map((each) => {
    const { Name, Soft, Hard } = (each ?? {}) as Record<string, unknown>;
    if (typeof Name !== "string" || !Number.isSafeInteger(Soft) || !Number.isSafeInteger(Hard))
      throw new Failure("invalid", "error reading ulimit settings: not a list of limits");
    return { name: Name, soft: Soft as number, hard: Hard as number };
  });
}
