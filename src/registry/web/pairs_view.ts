import { clipped } from "./format.ts";
import { html, type HtmlValue } from "./html.ts";

const mostPairs = 200;

/** Names and values of somebody's, such as annotations and labels; texts only, as no address in them can be trusted. */
export function pairsView(title: string, pairs: Readonly<Record<string, string>>): HtmlValue {
  const entries = Object.entries(pairs);
  if (entries.length === 0) return undefined;
  const shown = entries.slice(0, mostPairs);
  return html`<h2>${title}</h2>
    <dl>
      ${shown.map(
        ([name, value]) =>
          html`<dt><code>${clipped(name, 300)}</code></dt>
            <dd><code>${clipped(value)}</code></dd>`,
      )}
    </dl>
    ${shown.length < entries.length && html`<p class="soft">Only the first ${mostPairs} of ${entries.length} are shown.</p>`}`;
}
