/** What went wrong, to a person. Of a fault inside he learns the kind only, as clients do. */
import { isFailure } from "../../errors.ts";
import { refusalOf } from "../registry_error.ts";
import { html } from "./html.ts";
import type { Page } from "./layout.ts";
import type { View } from "./view.ts";

interface RefusedPage {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly page: Page;
}

export function refusedPage(view: View, error: unknown): RefusedPage {
  const { status, message, headers } = readable(view, error);
  const title = status === 404 ? "Not there" : status >= 500 ? "Something went wrong" : "Not possible";
  const { links, exchange } = view;
  const body = html`<p class="notice bad" role="alert">${message}</p>
    <div class="actions"><a class="button" href="${links.list()}">All repositories</a></div>
    <p class="soft">Request ${exchange.requestId}</p>`;
  return { status, headers, page: { title, body } };
}

function readable({ visitor }: View, error: unknown) {
  if (isFailure(error, "not-found")) return { status: 404, message: error.message, headers: {} };
  if (isFailure(error, "conflict")) return { status: 409, message: error.message, headers: {} };
  const { status, items, headers } = refusalOf(error);
  const [{ message, detail } = { message: "", detail: undefined }] = items;
  // A session has no more rights for being asked again.
  if (status === 401)
    return { status: 403, message: `${visitor.user ?? "nobody"} may not do this`, headers: {} };
  const more = typeof detail === "string" ? `: ${detail}` : "";
  return { status, message: `${message}${more}`, headers };
}
