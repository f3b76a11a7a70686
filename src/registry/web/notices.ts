/** What a page says of the form that led to it: one of these, so that no address can make a page say anything else. */
import { isTag } from "../tree.ts";
import { html, type HtmlValue } from "./html.ts";
import type { View } from "./view.ts";

const notices = {
  restored: "The tag leads there again.",
  undeleted: "It is back.",
  deleted: "The manifest and its tags were deleted.",
} as const;

export function noticeOf({ query, links }: View, name: string | undefined): HtmlValue {
  const done = query.get("done") ?? "";
  const tag = query.get("tag") ?? "";
  if (done === "untagged" && name !== undefined && isTag(tag)) {
    const undo = links.image(name, { tag }, { view: "history" });
    return html`<p class="notice" role="status">
      The tag ${tag} was deleted. <a href="${undo}">Take it back</a>
    </p>`;
  }
  if (!Object.hasOwn(notices, done)) return undefined;
  return html`<p class="notice" role="status">${notices[done as keyof typeof notices]}</p>`;
}
