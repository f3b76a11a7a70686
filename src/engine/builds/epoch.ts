/** `SOURCE_DATE_EPOCH` (reproducible-builds.org/specs/source-date-epoch). */
import { Failure } from "../../errors.ts";
import type { BuildRequest } from "./types.ts";

/**
 * Seconds since 1970: as asked for, else of the build argument, else of our own environment, which becomes the build
 * argument (as in buildx). Throws `Failure("invalid")`.
 */
export function epochOf(
  { sourceDateEpoch, buildArgs = {} }: Pick<BuildRequest, "sourceDateEpoch" | "buildArgs">,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Pick<BuildRequest, "sourceDateEpoch" | "buildArgs"> {
  const text = buildArgs["SOURCE_DATE_EPOCH"] ?? environment["SOURCE_DATE_EPOCH"] ?? "";
  if (sourceDateEpoch !== undefined) return { sourceDateEpoch };
  if (text === "") return {};
  if (!/^\d{1,12}$/.test(text)) throw new Failure("invalid", `invalid SOURCE_DATE_EPOCH: ${text}`);
  return { sourceDateEpoch: Number(text), buildArgs: { ...buildArgs, SOURCE_DATE_EPOCH: text } };
}
