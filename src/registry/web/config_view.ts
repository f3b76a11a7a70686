/** What a container of the image would do: the config, as `docker inspect` names it. */
import { formatPlatform, type ImageConfig } from "../../oci/index.ts";
import { clipped } from "./format.ts";
import { html, type Html, type HtmlValue } from "./html.ts";
import { pairsView } from "./pairs_view.ts";

const mostItems = 200;

export function configView(image: ImageConfig): Html {
  const config = image.config ?? {};
  const rows: readonly (readonly [string, HtmlValue])[] = [
    ["Platform", image.architecture === "" ? undefined : formatPlatform(image)],
    ["Entrypoint", words(config.Entrypoint)],
    ["Command", words(config.Cmd)],
    ["Directory", text(config.WorkingDir)],
    ["User", text(config.User)],
    ["Ports", list(Object.keys(config.ExposedPorts ?? {}))],
    ["Volumes", list(Object.keys(config.Volumes ?? {}))],
    ["Stop signal", text(config.StopSignal)],
    ["Environment", list(config.Env ?? [])],
    ["Author", text(image.author)],
  ];
  const given = rows.filter(([, value]) => value !== undefined);
  return html`<h2>Configuration</h2>
    <dl>
      ${given.map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd>${value}</dd>`,
      )}
    </dl>
    ${pairsView("Labels", config.Labels ?? {})}`;
}

function text(value: string | undefined): HtmlValue {
  return value === undefined || value === "" ? undefined : html`<code>${clipped(value)}</code>`;
}

/** As JSON, so that it is seen where a word ends. */
function words(value: readonly string[] | null | undefined): HtmlValue {
  return value === null || value === undefined ? undefined : text(JSON.stringify(value));
}

function list(items: readonly string[]): HtmlValue {
  if (items.length === 0) return undefined;
  const shown = items.slice(0, mostItems);
  return html`<ul>
    ${shown.map((item) => html`<li><code>${clipped(item)}</code></li>`)}${shown.length < items.length && html`<li>and ${items.length - shown.length} more</li>`}
  </ul>`;
}
