/** What a tag led to, and letting it lead there again. */
import { isDigest } from "../../oci/index.ts";
import { tagHistory, type TagEvent } from "../gc/history/tag_history.ts";
import { RegistryError } from "../registry_error.ts";
import { formatTime, shortDigest } from "./format.ts";
import { html, type Html } from "./html.ts";
import type { Page } from "./layout.ts";
import { postForm } from "./post_form.ts";
import { restore } from "./restore.ts";
import type { View } from "./view.ts";
import { mayPull, mayPush } from "./visitor.ts";

const mostEvents = 200;

/** @throws RegistryError MANIFEST_UNKNOWN for a tag that nothing is known of, and of the controller */
export async function historyPage(view: View, name: string, tag: string): Promise<Page> {
  await view.visitor.admit(mayPull(name));
  const { links, storage, visitor } = view;
  const { current, events } = await tagHistory(storage, name, tag, mostEvents);
  if (events.length === 0) throw new RegistryError("MANIFEST_UNKNOWN");
  const mayRestore = await visitor.may(mayPush(name));
  const offered = new Set<string>(current);
  const rows = events.slice(0, mostEvents).map((event) => {
    // One button for each manifest, beside the newest of its events.
    const offer =
      mayRestore && event.digest !== current && isDigest(event.digest) && !offered.has(event.digest);
    offered.add(event.digest);
    return rowOf(view, name, tag, event, { isCurrent: event.digest === current, offer, mayRestore });
  });
  const image = links.image(name, { tag });
  return {
    title: `History of ${tag}`,
    crumbs: [
      { text: "Repositories", href: links.list() },
      { text: name, href: links.repository(name) },
      ...(current === undefined ? [] : [{ text: tag, href: image }]),
    ],
    body: html`${current === undefined && html`<p class="notice bad">This tag is deleted.</p>`}
      <ol class="rows">${rows}</ol>
      ${events.length >= mostEvents && html`<p class="soft">Older events are not shown.</p>`}`,
  };
}

function rowOf(
  view: View,
  repository: string,
  tag: string,
  event: TagEvent,
  {
    isCurrent,
    offer,
    mayRestore,
  }: { readonly isCurrent: boolean; readonly offer: boolean; readonly mayRestore: boolean },
): Html {
  const { digest, time, user, remoteAddress, userAgent } = event;
  // Where somebody pushes from is nobody's business who may only look.
  const from = mayRestore ? [remoteAddress, userAgent] : [];
  const by = [user, ...from].filter((each) => typeof each === "string").join(" · ");
  const name = isDigest(digest)
    ? html`<a href="${view.links.image(repository, { digest })}">${shortDigest(digest)}</a>`
    : digest;
  const button = html`<button aria-label="Restore ${tag} to ${digest.slice(0, 19)}">Restore</button>`;
  const action = view.links.image(repository, { tag }, { view: "history" });
  return html`<li>
    <span class="main">${event.action} <code>${name}</code>${isCurrent && html` <span class="tag">current</span>`}</span>
    <span class="side">${offer && postForm(view, action, { digest }, button)}</span>
    <span class="more">${formatTime(time)}${by !== "" && ` · ${by}`}</span>
  </li>`;
}

/** Returns the page to go to. @throws RegistryError, Failure as `restore` */
export async function restoreTagByForm(
  view: View,
  name: string,
  tag: string,
  form: URLSearchParams,
): Promise<string> {
  view.exchange.identity = await view.visitor.admit(mayPush(name));
  const digest = form.get("digest") ?? "";
  if (!isDigest(digest)) throw new RegistryError("DIGEST_INVALID");
  await restore(view, { name, tag, digest, from: "history" });
  return view.links.image(name, { tag }, { done: "restored" });
}
