/** The image of a container, as lists name it. */
import { familiarReference } from "../../oci/index.ts";
import type { Store } from "../../store/index.ts";
import type { ContainerRecord } from "./record.ts";

/** {@link imageAsAsked}, an ID by its 12 digits. */
export async function imageDisplayName(store: Store, record: ContainerRecord): Promise<string> {
  return (await imageAsAsked(store, record)).replace(/^sha256:([0-9a-f]{12})[0-9a-f]*$/, "$1");
}

/** What was asked for while it still leads to the image, else the image's ID (moby, daemon/list.go). */
export async function imageAsAsked(store: Store, record: ContainerRecord): Promise<string> {
  const { Image, Config } = record;
  const asked = Config.Image ?? Image;
  const names = (await store.names.namesOf(Image)).map(familiarReference);
  const full = asked.includes(":") || asked.includes("@") ? asked : `${asked}:latest`;
  if (names.includes(full) || names.includes(asked)) return asked;
  const isPrefix = /^[0-9a-f]+$/.test(asked) && Image.startsWith(`sha256:${asked}`);
  return isPrefix ? asked : Image;
}
