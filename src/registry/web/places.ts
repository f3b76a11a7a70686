/** Which page, or which form, an address stands for: the table and nothing else. */
import { RegistryError } from "../registry_error.ts";
import { deleteByForm, deletePage } from "./delete_page.ts";
import { historyPage, restoreTagByForm } from "./history_page.ts";
import { imagePage } from "./image_page.ts";
import { layerPage } from "./layer_page.ts";
import type { Page } from "./layout.ts";
import type { Place } from "./links.ts";
import { listPage } from "./list_page.ts";
import { repositoryPage } from "./repository_page.ts";
import { repositoryTrashPage, trashPage, undeleteByForm } from "./trash_page.ts";
import type { View } from "./view.ts";

/** @throws RegistryError NAME_UNKNOWN where nothing is, and whatever the page throws */
export function pageAt(view: View, place: Place | "unknown"): Promise<Page> {
  const look = view.query.get("view");
  if (place === "unknown") throw nothing();
  switch (place.kind) {
    case "list":
      return listPage(view);
    case "trash":
      return trashPage(view);
    case "repository":
      if (look === "trash") return repositoryTrashPage(view, place.name);
      return look === "layer" ? layerPage(view, place.name) : repositoryPage(view, place.name);
    case "image":
      if (look === "delete") return deletePage(view, place.name, place.key);
      if (look === "history" && "tag" in place.key) return historyPage(view, place.name, place.key.tag);
      return imagePage(view, place.name, place.key);
    case "login":
    case "logout":
      throw nothing();
  }
}

/** Does what a form says; returns the page to go to. @throws as {@link pageAt} */
export function actAt(view: View, place: Place, form: URLSearchParams): Promise<string> {
  const look = view.query.get("view");
  if (place.kind === "repository" && look === "trash") return undeleteByForm(view, place.name, form);
  if (place.kind === "image" && look === "delete") return deleteByForm(view, place.name, place.key, form);
  if (place.kind === "image" && look === "history" && "tag" in place.key)
    return restoreTagByForm(view, place.name, place.key.tag, form);
  throw nothing();
}

function nothing(): RegistryError {
  return new RegistryError("NAME_UNKNOWN", [undefined], {}, { message: "there is no such page" });
}
