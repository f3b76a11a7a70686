/** `# name=value` at the top of a file (buildkit, frontend/dockerfile/parser/directives.go). */
import { Complaint } from "./complaint.ts";

export interface Directives {
  syntax?: string;
  escape?: "\\" | "`";
  check?: string;
}

/**
 * Takes `line` into `directives` and returns true if it is one. The first line that is none ends them: an unknown name, a
 * blank line, any other comment.
 */
export function readDirective(line: string, directives: Directives): boolean {
  const [, written = "", value = ""] =
    /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S(?:.*\S)?)\s*$/su.exec(line) ?? [];
  const name = written.toLowerCase();
  if (name !== "syntax" && name !== "escape" && name !== "check") return false;
  if (directives[name] !== undefined)
    throw new Complaint(`only one ${name} parser directive can be used`, { phase: "syntax" });
  if (name !== "escape") {
    directives[name] = value;
    return true;
  }
  if (value !== "\\" && value !== "`") {
    const message = `invalid escape token '${value}' does not match \` or \\`;
    throw new Complaint(message, { at: line.lastIndexOf(value), phase: "syntax" });
  }
  directives.escape = value;
  return true;
}
