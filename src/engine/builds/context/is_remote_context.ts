import { parseGitReference } from "./git_reference.ts";

/** Whether a context is fetched from elsewhere: a git reference or an HTTP URL. Throws `Failure("invalid")`. */
export function isRemoteContext(text: string): boolean {
  return parseGitReference(text) !== undefined || /^https?:\/\//.test(text);
}
