/** What a build's commands may use: `shm-size`, `ulimit`, `memory`, ... among the attributes of the frontend. */
import { stepLimits as limitsOf, type BuildRequest } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";

type StepLimits = NonNullable<BuildRequest["stepLimits"]>;

/** Zero and nothing are no limit. @throws Failure("invalid") */
export function stepLimits(attributes: Readonly<Record<string, string>>): StepLimits {
  const text = (key: string): string => attributes[key] ?? "";
  const integer = (key: string): number => numberOf(key, attributes[key] ?? "0");
  return limitsOf(
    { integer, text },
    {
      shmSize: integer("shm-size"),
      cgroupParent: text("cgroup-parent"),
      ulimits: text("ulimit")
        .split(",")
        .filter((each) => each !== "")
        .map(ulimitOf),
    },
  );
}

function numberOf(key: string, text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new Failure("invalid", `failed to parse ${key}: "${text}" is no number`);
}

/** `nofile=1024:2048`. */
function ulimitOf(text: string): NonNullable<StepLimits["ulimits"]>[number] {
  const [, name, soft, hard] = /^(\w+)=(-?\d{1,15})(?::(-?\d{1,15}))?$/.exec(text) ?? [];
  if (name === undefined) throw new Failure("invalid", `failed to parse ulimit: "${text}"`);
  return { name, soft: Number(soft), hard: Number(hard ?? soft) };
}
