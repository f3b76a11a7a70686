/** Deleting, after a page that says what will go. */
import { isDigest, type Digest } from "../../oci/index.ts";
import { findRevision, resolveTag, tagsOn } from "../manifest_store.ts";
import { removeManifest } from "../manifests.ts";
import { RegistryError } from "../registry_error.ts";
import { counted, shortDigest } from "./format.ts";
import { html, type Html } from "./html.ts";
import type { Page } from "./layout.ts";
import type { ImageKey } from "./links.ts";
import { postForm } from "./post_form.ts";
import type { View } from "./view.ts";
import { mayDelete } from "./visitor.ts";

const mostNamed = 50;

/** @throws RegistryError MANIFEST_UNKNOWN, UNSUPPORTED where nothing may be deleted, and of the controller */
export async function deletePage(view: View, name: string, key: ImageKey): Promise<Page> {
  await admit(view, name);
  const { storage, links } = view;
  const digest = await digestOf(view, name, key);
  const tags = await tagsOn(storage, name, digest);
  const image = links.image(name, key);
  const title = "tag" in key ? `Delete ${key.tag}?` : `Delete ${shortDigest(digest)}?`;
  const others = "tag" in key ? tags.filter((tag) => tag !== key.tag) : tags;
  return {
    title,
    crumbs: [
      { text: "Repositories", href: links.list() },
      { text: name, href: links.repository(name) },
      { text: "tag" in key ? key.tag : shortDigest(digest), href: image },
    ],
    body: html`${"tag" in key && html`<p>The tag <strong>${key.tag}</strong> of <strong>${name}</strong> leads to <code>${digest}</code>.</p>`}
      ${"tag" in key && formOf(view, name, key, digest, { what: "tag", label: `Delete the tag ${key.tag}` })}
      <h2>The manifest as well</h2>
      <p>
        Its digest will lead nowhere any more, in this
        repository.${tags.length > 0 && html` With it ${tags.length === 1 ? "goes" : "go"} ${counted(tags.length, "tag")}: ${tags.slice(0, mostNamed).join(", ")}${tags.length > mostNamed && " …"}`}
      </p>
      ${formOf(view, name, key, digest, { what: "manifest", label: others.length > 0 ? `Delete the manifest and ${counted(tags.length, "tag")}` : "Delete the manifest" })}
      <p class="soft">Both can be taken back until garbage collection purges the trash.</p>
      <div class="actions"><a class="button" href="${image}">Keep it</a></div>`,
  };
}

function formOf(
  view: View,
  name: string,
  key: ImageKey,
  digest: Digest,
  { what, label }: { readonly what: "tag" | "manifest"; readonly label: string },
): Html {
  const action = view.links.image(name, key, { view: "delete" });
  return postForm(view, action, { digest, what }, html`<button class="danger">${label}</button>`);
}

/** Returns the page to go to. @throws RegistryError as a DELETE of the API, and 409 for a tag that has moved */
export async function deleteByForm(
  view: View,
  name: string,
  key: ImageKey,
  form: URLSearchParams,
): Promise<string> {
  await admit(view, name);
  const { core, exchange, links } = view;
  const digest = await digestOf(view, name, key);
  if (digest !== form.get("digest")) {
    const message = "the tag leads elsewhere by now: look at it again before it is deleted";
    throw new RegistryError("DENIED", [undefined], {}, { status: 409, message });
  }
  if (form.get("what") === "tag" && "tag" in key) {
    await removeManifest(core, exchange, name, key.tag);
    return links.repository(name, { done: "untagged", tag: key.tag });
  }
  await removeManifest(core, exchange, name, digest);
  return links.repository(name, { done: "deleted" });
}

async function admit(view: View, name: string): Promise<void> {
  view.exchange.identity = await view.visitor.admit(mayDelete(name));
  if (view.core.deletion) return;
  throw new RegistryError("UNSUPPORTED", [undefined], {}, { message: "this registry deletes nothing" });
}

async function digestOf({ storage }: View, name: string, key: ImageKey): Promise<Digest> {
  const digest =
    "tag" in key ? await resolveTag(storage, name, key.tag) : await findRevision(storage, name, key.digest);
  if (digest === undefined || !isDigest(digest)) throw new RegistryError("MANIFEST_UNKNOWN");
  return "tag" in key ? digest : key.digest;
}
