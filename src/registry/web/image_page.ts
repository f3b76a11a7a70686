/** A tag or a manifest: what it is made of, and what it would do. */
import { formatPlatform, type Descriptor, type Digest } from "../../oci/index.ts";
import { resolveTag } from "../manifest_store.ts";
import { RegistryError } from "../registry_error.ts";
import { configView } from "./config_view.ts";
import { counted, formatSize, formatTime, shortDigest } from "./format.ts";
import { html, type Html, type HtmlValue } from "./html.ts";
import { layersView } from "./layers_view.ts";
import type { Page } from "./layout.ts";
import type { ImageKey } from "./links.ts";
import { imagesIn, isImageConfig, type ManifestFacts } from "./manifest_facts.ts";
import { pairsView } from "./pairs_view.ts";
import { pullCommands } from "./pull_commands.ts";
import { referrersView } from "./referrers_view.ts";
import { pushed } from "./repository_page.ts";
import type { View } from "./view.ts";
import { mayDelete, mayPull } from "./visitor.ts";

/** Members of an index that a page shows. */
const mostMembers = 100;

/** @throws RegistryError MANIFEST_UNKNOWN, and of the controller */
export async function imagePage(view: View, name: string, key: ImageKey): Promise<Page> {
  await view.visitor.admit(mayPull(name));
  const { links, storage, manifests, core, visitor } = view;
  const digest = "tag" in key ? await resolveTag(storage, name, key.tag) : key.digest;
  const facts = digest && (await manifests.manifest(name, digest));
  if (facts === undefined) throw new RegistryError("MANIFEST_UNKNOWN");
  const chosen = await choose(view, name, facts);
  const deletable = core.deletion && (await visitor.may(mayDelete(name)));
  const reference = "tag" in key ? `${name}:${key.tag}` : `${name}@${key.digest}`;
  return {
    title: "tag" in key ? key.tag : shortDigest(key.digest),
    crumbs: [
      { text: "Repositories", href: links.list() },
      { text: name, href: links.repository(name) },
    ],
    body: html`${pullCommands(view, reference)}
      <div class="actions">
        ${"tag" in key && html`<a class="button" href="${links.image(name, key, { view: "history" })}">History of this tag</a>`}
        ${deletable && html`<a class="button danger" href="${links.image(name, key, { view: "delete" })}">Delete…</a>`}
      </div>
      ${await summary(view, name, key, facts)}
      ${facts.members && membersView(view, name, key, facts.members, chosen?.digest)}
      ${chosen && (await contentsOf(view, name, chosen))} ${await referrersView(view, name, facts)}
      ${pairsView("Annotations", facts.annotations)}`,
  };
}

async function summary(view: View, name: string, key: ImageKey, facts: ManifestFacts): Promise<Html> {
  const { bytes, atLeast } = await view.manifests.size(name, facts);
  const when = "tag" in key && (await pushed(view, name, key.tag, facts.digest));
  const { subject, artifactType } = facts;
  return html`<dl>
    <dt>Digest</dt>
    <dd><code data-copy>${facts.digest}</code></dd>
    <dt>Type</dt>
    <dd>${facts.mediaType}</dd>
    ${
      artifactType !== undefined &&
      artifactType !== facts.config?.mediaType &&
      html`<dt>Artifact</dt>
        <dd>${artifactType}</dd>`
    }
    ${
      subject &&
      html`<dt>Is about</dt>
        <dd>
          <a href="${view.links.image(name, { digest: subject })}"><code>${subject}</code></a>
        </dd>`
    }
    <dt>Size</dt>
    <dd>${atLeast && "at least "}${formatSize(bytes)}, compressed</dd>
    ${
      when &&
      html`<dt>Tag</dt>
        <dd>${when}</dd>`
    }
  </dl>`;
}

/** The manifest whose contents are shown: of an index the member of the platform that was asked for, or the first. */
async function choose(view: View, name: string, facts: ManifestFacts): Promise<ManifestFacts | undefined> {
  if (facts.members === undefined) return facts;
  const images = imagesIn(facts.members).slice(0, mostMembers);
  const wanted = view.query.get("platform");
  const member =
    images.find(({ platform }) => platform && formatPlatform(platform) === wanted) ??
    (wanted === null ? images[0] : undefined);
  return member && view.manifests.manifest(name, member.digest);
}

function membersView(
  { links }: View,
  name: string,
  key: ImageKey,
  members: readonly Descriptor[],
  chosen: Digest | undefined,
): Html {
  const images = imagesIn(members);
  const item = ({ platform, digest, mediaType }: Descriptor): Html => {
    const text = platform ? formatPlatform(platform) : mediaType;
    const href = platform ? links.image(name, key, { platform: text }) : links.image(name, { digest });
    return html`<li><a href="${href}" ${digest === chosen && html` aria-current="true"`}>${text}</a></li>`;
  };
  const others = members.length - images.length;
  return html`<h2>Platforms</h2>
    <nav aria-label="Platforms">
      <ul class="switch">
        ${images.slice(0, mostMembers).map(item)}
      </ul>
    </nav>
    ${images.length > mostMembers && html`<p class="soft">Only the first ${mostMembers} of ${images.length} are shown.</p>`}
    ${others > 0 && html`<p class="soft">Beside them ${counted(others, "attestation")}, listed below.</p>`}`;
}

async function contentsOf(view: View, name: string, facts: ManifestFacts): Promise<HtmlValue> {
  if (facts.members !== undefined)
    return html`<p class="soft">
      An index within the index:
      <a href="${view.links.image(name, { digest: facts.digest })}">${shortDigest(facts.digest)}</a>
    </p>`;
  if (facts.config === undefined)
    return html`<p class="soft">What is in it cannot be told from its manifest.</p>`;
  const config = await view.manifests.config(name, facts);
  const created = formatTime(config?.created);
  const unread = isImageConfig(facts.config) && config === undefined;
  return html`${created && html`<p class="soft">Made ${created}</p>`}
  ${unread && html`<p class="notice bad">The image's configuration cannot be shown: it is not there, not valid, or too large.</p>`}
  ${config && configView(config)} ${await layersView(view, name, facts, config)}`;
}
