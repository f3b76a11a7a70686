/** `varve completion`: scripts for shells. */
import { command } from "../app.ts";
import { completionScript, shells, type Shell } from "../kit/index.ts";
import { Failure } from "../../errors.ts";

export const completion = command({
  path: ["completion"],
  section: "System",
  storeless: true,
  usage: "bash|zsh|fish",
  summary: "Print a script that completes commands, flags and names",
  examples: [
    { text: "For this shell", command: "source <(varve completion bash)" },
    { text: "For every fish", command: "varve completion fish > ~/.config/fish/completions/varve.fish" },
  ],
  flags: {},
  args: { min: 1, max: 1, name: "SHELL" },
  async run({ app, args }) {
    const shell = shells.find((name) => name === args[0]) as Shell | undefined;
    if (shell === undefined)
      throw new Failure("invalid", `no completion for ${args[0]}: bash, zsh and fish are known`);
    app.stdout.write(completionScript(shell, "varve"));
  },
});
