import { bytesText } from "../policy/bytes_text.ts";
import type { Account } from "./account.ts";

interface Use {
  /** Undefined: none. */
  readonly limit: number | undefined;
  readonly used: number;
  /** For pushes that are under way. */
  readonly promised: number;
}

export interface QuotaReport {
  readonly pool: string;
  readonly bytes: Use;
  readonly tags: Use;
  readonly repositories: readonly string[];
}

/** @param now milliseconds since 1970 */
export function reportOf({ pool, usage, held }: Account, now: number): QuotaReport {
  const promised = held.sum("", now);
  const use = (of: "bytes" | "tags") => ({ limit: pool[of], used: usage[of], promised: promised[of] });
  return { pool: pool.name, bytes: use("bytes"), tags: use("tags"), repositories: usage.repositories };
}

/** `namespace team: 9.5 MiB of 10 MiB, 3 of 100 tags, 2 repositories` */
export function reportText({ pool, bytes, tags, repositories }: QuotaReport): string {
  const of = ({ limit }: Use, text: (value: number) => string) =>
    limit === undefined ? "" : ` of ${text(limit)}`;
  const names = `${repositories.length} ${repositories.length === 1 ? "repository" : "repositories"}`;
  const used = `${bytesText(bytes.used)}${of(bytes, bytesText)}, ${tags.used}${of(tags, String)} tags`;
  return `${pool}: ${used}, ${names}`;
}
