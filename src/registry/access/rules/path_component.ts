/** Whether a text can be one component of a repository's name (OCI distribution spec, "Pulling manifests"). */
export function isPathComponent(text: string): boolean {
  return /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/.test(text) && text.length <= 255;
}
