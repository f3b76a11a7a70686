/** `varve attach`. */
import { command } from "../app.ts";

export const attach = command({
  path: ["attach"],
  aliases: [["container", "attach"]],
  section: "Containers",
  usage: "[OPTIONS] CONTAINER",
  summary: "Attach local standard input, output, and error streams to a running container",
  details:
    "With a terminal the keys ctrl-p ctrl-q leave the container running. The exit code is the container's.",
  examples: [
    { text: "Watch it without typing to it", command: "varve attach --no-stdin web" },
    { text: "Leave it with another key", command: "varve attach --detach-keys ctrl-x shell" },
  ],
  flags: {
    "detach-keys": {
      kind: "string",
      type: "string",
      help: "Override the key sequence for detaching a container",
    },
    "no-stdin": { kind: "boolean", help: "Do not attach STDIN" },
    "sig-proxy": { kind: "boolean", default: true, help: "Proxy all received signals to the process" },
  },
  args: { min: 1, max: 1, name: "CONTAINER" },
  complete: "running",
  ownSignals: true,
  storeless: true,
  daemon: "asked",
  run: async ({ app, flags, args }) =>
    (await import("../containers/attach.ts")).attach(app, args[0] as string, flags),
});
