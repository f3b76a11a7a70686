/** The layers of an image, each with the step that made it and those who share it. */
import type { Descriptor, HistoryRow, ImageConfig } from "../../oci/index.ts";
import { clipped, counted, formatSize, formatTime, shortDigest } from "./format.ts";
import { html, type Html, type HtmlValue } from "./html.ts";
import type { ManifestFacts } from "./manifest_facts.ts";
import type { View } from "./view.ts";
import { mayPull } from "./visitor.ts";

const mostLayers = 300;
const mostSteps = 600;
/** Repositories whose visibility is asked for. */
const mostAsked = 100;

interface Step {
  readonly row: HistoryRow | undefined;
  readonly layer: Descriptor | undefined;
}

export async function layersView(
  view: View,
  name: string,
  facts: ManifestFacts,
  config: ImageConfig | undefined,
): Promise<Html> {
  const layers = facts.layers.slice(0, mostLayers);
  const { users, note } = await sharedWith(view, name, layers);
  const steps = stepsOf(layers, config?.history ?? []);
  const items = steps.map((step) => itemOf(view, name, step, users));
  return html`<h2>Layers and history</h2>
    <p class="soft">
      ${counted(facts.layers.length, "layer")}, oldest first. A layer is stored once, however many images have
      it.${note}
    </p>
    <ol class="rows">${items}</ol>
    ${layers.length < facts.layers.length && html`<p class="soft">Only the first ${mostLayers} layers are shown.</p>`}`;
}

/** As `docker history` does it: each step that made a layer takes the next one. What does not fit is listed by itself. */
function stepsOf(layers: readonly Descriptor[], history: readonly HistoryRow[]): Step[] {
  const making = history.filter(({ empty_layer: empty }) => empty !== true).length;
  if (making !== layers.length || history.length > mostSteps)
    return layers.map((layer) => ({ row: undefined, layer }));
  const rest = layers.values();
  return history.map((row) => ({ row, layer: row.empty_layer === true ? undefined : rest.next().value }));
}

function itemOf(
  { links }: View,
  name: string,
  { row, layer }: Step,
  users: ReadonlyMap<string, readonly string[]>,
): Html {
  const command = row?.created_by ?? row?.comment ?? "";
  const others = (layer && users.get(layer.digest)) ?? [];
  const shared =
    layer &&
    html`<a href="${links.repository(name, { view: "layer", digest: layer.digest })}"><code>${shortDigest(layer.digest)}</code></a>
      · ${others.length === 0 ? "in this repository only" : html`also in ${namesOf(others)}`}`;
  return html`<li>
    <code>${command === "" ? (layer?.mediaType ?? "(nothing)") : clipped(command)}</code>
    <span class="side">${layer ? formatSize(layer.size) : html`<span class="soft">no layer</span>`}</span>
    <span class="more">${shared}${shared && row?.created && " · "}${formatTime(row?.created)}</span>
  </li>`;
}

function namesOf(names: readonly string[]): HtmlValue {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3
    ? `${shown} and ${counted(names.length - 3, "other repository", "other repositories")}`
    : shown;
}

/** Other repositories that have the layers and that the visitor may pull from. */
async function sharedWith(view: View, name: string, layers: readonly Descriptor[]) {
  const { users, cut } = await view.users.of(layers.map(({ digest }) => digest));
  const others = [...new Set([...users.values()].flat())].filter((each) => each !== name).sort();
  const asked = others.slice(0, mostAsked);
  const visible = new Set<string>();
  for (const each of asked) if (await view.visitor.may(mayPull(each))) visible.add(each);
  const seen = [...users].map(
    ([digest, names]) => [digest, names.filter((each) => visible.has(each))] as const,
  );
  const isPartial = cut || asked.length < others.length;
  const note = isPartial && " Not all repositories were asked whether they have them.";
  return { users: new Map<string, readonly string[]>(seen), note };
}
