/** `name=…` of a list: a part of the name, or an expression that finds one. */
import { createContext, Script } from "node:vm";

/** Milliseconds that an expression may look at one name. */
const longest = 50;

/** One that is no expression fits only itself; one that takes too long fits nothing: some can take for ever. */
export function namePattern(text: string): (name: string) => boolean {
  if (/^[\w/-]*$/.test(text)) return (name) => name.includes(text);
  let script: Script;
  try {
    script = new Script(`expression.test(name)`);
    const context = createContext({ expression: new RegExp(text), name: "" });
    return (name) => {
      context["name"] = name;
      return fits(script, context);
    };
  } catch {
    return (name) => name === text;
  }
}

function fits(script: Script, context: object): boolean {
  try {
    return script.runInContext(context, { timeout: longest }) === true;
  } catch {
    return false;
  }
}
