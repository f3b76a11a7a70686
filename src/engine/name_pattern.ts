/** Expressions of clients', which could take for ever: of `name=…` among filters, of `--log-opt env-regex=…`. */
import { createContext, Script } from "node:vm";

/** Milliseconds that an expression may look at one text. */
const longest = 250;

/**
 * Whether the expression finds a part of a text. One that has taken too long finds nothing any more.
 * @throws SyntaxError for what is no expression
 */
export function expressionTest(text: string): (subject: string) => boolean {
  const script = new Script("expression.test(subject)");
  const context = createContext({ expression: new RegExp(text), subject: "" });
  let isTooSlow = false;
  return (subject) => {
    if (isTooSlow) return false;
    context["subject"] = subject;
    try {
      return script.runInContext(context, { timeout: longest }) === true;
    } catch {
      isTooSlow = true;
      return false;
    }
  };
}

/** `name=…` of a list: a part of the name, or an expression that finds one. One that is no expression fits only itself. */
export function namePattern(text: string): (name: string) => boolean {
  if (/^[\w/-]*$/.test(text)) return (name) => name.includes(text);
  try {
    return expressionTest(text);
  } catch {
    return (name) => name === text;
  }
}
