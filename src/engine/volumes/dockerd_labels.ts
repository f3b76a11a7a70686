/** Labels of the volumes that dockerd has made: it keeps them in `volumes/metadata.db`. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { readBucket } from "./bolt_bucket.ts";

type Labels = Readonly<Record<string, string>>;

interface Known {
  /** Of the file that was read. */
  readonly version: string;
  readonly labels: ReadonlyMap<string, Labels>;
}

const known = new Map<string, Known>();

/** No root has so many volumes that it would be larger. */
const largestFile = 64 << 20;

/** Undefined: dockerd knows no such volume, or it has none. */
export function dockerdLabels(root: string, name: string): Labels | undefined {
  const path = join(root, "volumes", "metadata.db");
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true || stat.size > largestFile) return undefined;
  const version = `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
  let found = known.get(path);
  if (found?.version !== version) {
    found = { version, labels: readLabels(path) };
    known.set(path, found);
  }
  return found.labels.get(name);
}

/** What cannot be read tells nothing: labels are no reason not to show a volume. */
function readLabels(path: string): Map<string, Labels> {
  const labels = new Map<string, Labels>();
  try {
    for (const [name, value] of readBucket(readFileSync(path), "volumes") ?? []) {
      const { Labels: given } = JSON.parse(value.toString("utf8")) as { readonly Labels?: Labels | null };
      if (given) labels.set(name, given);
    }
  } catch {
    return labels;
  }
  return labels;
}
