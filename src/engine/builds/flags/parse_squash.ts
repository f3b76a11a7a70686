/** `--squash[=FROM..TO]`. */
import { Failure } from "../../../errors.ts";

/** Layers counted from 1 at the bottom; `new`: those that the build put on its base. */
export type SquashRange = "new" | { readonly from: number; readonly to: number };

/** Throws `Failure("invalid")`. */
export function parseSquash(text: string): SquashRange {
  if (text === "" || text === "true") return "new";
  const [, from, to] = /^(\d{1,3})\.\.(\d{1,3})$/.exec(text) ?? [];
  if (from === undefined || to === undefined || Number(from) < 1 || Number(from) > Number(to))
    throw new Failure("invalid", `invalid value "${text}" for --squash: it is no FROM..TO`, {
      hint: "Layers are counted from 1, at the bottom: --squash=2..5",
    });
  return { from: Number(from), to: Number(to) };
}
