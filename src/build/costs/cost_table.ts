/** Costs as rows of a table, for whoever prints them. */
import { hexOf } from "../../oci/index.ts";
import type { CacheOutcome } from "../types.ts";
import type { LineCost } from "./types.ts";

export interface CostRow {
  readonly line: number;
  /** The step's text, on one line, cut with an ellipsis. */
  readonly text: string;
  /** 12 digits of the diff ID; "" where the line has no layer. */
  readonly layer: string;
  /** Bytes. */
  readonly added: number;
  readonly copied: number;
  readonly hidden: number;
  /** `hit`, `imported`, why it was no hit, or "" where nothing is ever cached. */
  readonly cache: string;
}

/** @param options.width characters of a row's text at most (default 60) */
export function costTable(costs: readonly LineCost[], options: { readonly width?: number } = {}): CostRow[] {
  const { width = 60 } = options;
  return costs.map(({ line, text, diffId, added, copied, hidden, cache }) => ({
    line,
    text: cut(text, width),
    layer: diffId === undefined ? "" : hexOf(diffId).slice(0, 12),
    added: added.bytes,
    copied: copied.bytes,
    hidden: hidden.bytes,
    cache: cache === undefined ? "" : said(cache),
  }));
}

function cut(text: string, width: number): string {
  const line = text.replace(/\s+/g, " ").trim();
  const characters = [...line];
  return characters.length <= width ? line : `${characters.slice(0, width - 1).join("")}…`;
}

function said(cache: CacheOutcome): string {
  if (!cache.hit) return cache.reason;
  return cache.from === "local" ? "hit" : "imported";
}
