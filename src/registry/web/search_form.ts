import { html, type Html } from "./html.ts";

/** @param label what is searched for, as a text for all readers */
export function searchForm(action: string, label: string, value: string): Html {
  return html`<form class="search" role="search" method="get" action="${action}">
    <input
      type="search"
      name="q"
      maxlength="255"
      value="${value}"
      aria-label="${label}"
      placeholder="${label}"
      autocapitalize="none"
      spellcheck="false"
    />
    <button>Search</button>
  </form>`;
}
