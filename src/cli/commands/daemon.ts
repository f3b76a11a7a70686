/** `varve daemon`: the Docker Engine API, for every Docker client. */
import { command, line } from "../app.ts";

export const daemon = command({
  path: ["daemon"],
  section: "Engine",
  usage: "[OPTIONS]",
  summary: "Serve the Docker Engine API until SIGTERM",
  details:
    "Containers run on when it ends, and the next daemon finds them: it has missed no exit code and lost no line of " +
    "their logs. Point Docker's clients at it with DOCKER_HOST.",
  examples: [
    {
      text: "For the docker command",
      command: "varve daemon --host unix:///run/varve.sock & DOCKER_HOST=unix:///run/varve.sock docker ps",
    },
  ],
  flags: {
    host: {
      kind: "list",
      short: "H",
      type: "ADDRESS",
      help: "Where to listen: unix:///path/to.sock or tcp://127.0.0.1:2375 (default unix:///run/varve.sock)",
    },
    pidfile: { kind: "string", short: "p", type: "file", complete: "file", help: "File for the process ID" },
    group: { kind: "string", short: "G", type: "string", help: "Group that may use the unix socket" },
  },
  args: { min: 0, max: 0 },
  storeless: true,
  ownSignals: true,
  async run({ app, flags }) {
    const { runDaemon } = await app.daemon();
    return runDaemon(
      {
        ...app.engineOptions,
        hosts: flags.host.length > 0 ? flags.host : ["unix:///run/varve.sock"],
        ...(flags.pidfile !== undefined && { pidfile: flags.pidfile }),
        ...(flags.group !== undefined && { group: flags.group }),
      },
      (text) => line(app, text),
    );
  },
});
