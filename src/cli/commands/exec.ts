/** `varve exec`. */
import { command } from "../app.ts";

export const exec = command({
  path: ["exec"],
  aliases: [["container", "exec"]],
  section: "Containers",
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  summary: "Execute a command in a running container",
  details: "The exit code is the command's; 126 when it cannot be invoked, 127 when it is not found.",
  examples: [
    { text: "A shell beside what runs there", command: "varve exec -it web sh" },
    { text: "As another user, elsewhere", command: "varve exec -u nobody -w /tmp web id" },
    { text: "Input from here", command: "varve exec -i db psql < dump.sql" },
  ],
  flags: {
    detach: { kind: "boolean", short: "d", help: "Detached mode: run command in the background" },
    "detach-keys": {
      kind: "string",
      type: "string",
      help: "Override the key sequence for detaching a container",
    },
    env: { kind: "list", short: "e", type: "list", help: "Set environment variables" },
    "env-file": {
      kind: "list",
      type: "list",
      complete: "file",
      help: "Read in a file of environment variables",
    },
    interactive: { kind: "boolean", short: "i", help: "Keep STDIN open even if not attached" },
    privileged: { kind: "boolean", help: "Give extended privileges to the command" },
    tty: { kind: "boolean", short: "t", help: "Allocate a pseudo-TTY" },
    user: {
      kind: "string",
      short: "u",
      type: "string",
      help: 'Username or UID (format: "<name|uid>[:<group|gid>]")',
    },
    workdir: { kind: "string", short: "w", type: "string", help: "Working directory inside the container" },
  },
  args: { min: 2, name: "CONTAINER" },
  stopAtFirst: true,
  complete: (position) => (position === 0 ? "running" : "none"),
  ownSignals: true,
  storeless: true,
  daemon: "asked",
  run: async ({ app, flags, args }) => (await import("../containers/exec.ts")).exec(app, flags, args),
});
