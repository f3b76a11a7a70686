/** `varve login`, `logout`: credentials for registries, kept where Docker keeps them. */
import { createInterface } from "node:readline/promises";
import { text as readAll } from "node:stream/consumers";
import { Writable } from "node:stream";
import { Failure } from "../../errors.ts";
import { command, line, type App } from "../app.ts";

const hub = "docker.io";

export const login = command({
  path: ["login"],
  section: "Registries",
  daemon: "asked",
  usage: "[OPTIONS] [SERVER]",
  summary: "Log in to a registry",
  details:
    "Without a server, Docker Hub. Credentials go into Docker's config file, or to its credential helper.",
  examples: [
    {
      text: "From a script, without the password on the command line",
      command: "varve login -u ci --password-stdin registry.example.com < password",
    },
  ],
  flags: {
    password: { kind: "string", short: "p", type: "string", help: "Password or personal access token (PAT)" },
    "password-stdin": { kind: "boolean", help: "Take the password from stdin" },
    username: { kind: "string", short: "u", type: "string", help: "Username" },
  },
  args: { min: 0, max: 1, name: "SERVER" },
  exclusive: [["password", "password-stdin"]],
  async run({ app, flags, args, signal }) {
    const server = args[0] ?? hub;
    if (flags["password-stdin"] && flags.username === undefined) {
      throw new Failure("invalid", "Must provide --username with --password-stdin");
    }
    if (flags.password !== undefined) {
      app.stderr.write("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    }
    const username = flags.username ?? (await ask(app, "Username: ", true));
    const password = flags["password-stdin"]
      ? (await readAll(app.stdin)).replace(/\r?\n$/, "")
      : (flags.password ?? (await ask(app, "Password: ", false)));
    if (username === "") throw new Failure("invalid", "username is required");
    if (password === "") throw new Failure("invalid", "password is required");
    const remote = await (await app.engine()).remote();
    const kept = await remote.login(server, { kind: "password", username, password }, { signal });
    const where = await remote.saveCredentials(server, kept, { signal });
    if (where === "file") {
      app.stderr.write(
        "WARNING! Your password is stored unencrypted in Docker's config.json; a credential helper avoids that.\n",
      );
    }
    line(app, "Login Succeeded");
  },
});

export const logout = command({
  path: ["logout"],
  section: "Registries",
  daemon: "asked",
  usage: "[SERVER]",
  summary: "Log out from a registry",
  examples: [{ text: "Forget what login kept", command: "varve logout registry.example.com" }],
  flags: {},
  args: { min: 0, max: 1, name: "SERVER" },
  async run({ app, args, signal }) {
    const server = args[0] ?? hub;
    const remote = await (await app.engine()).remote();
    if (!(await remote.removeCredentials(server, { signal }))) {
      line(app, `Not logged in to ${server}`);
      return;
    }
    line(app, `Removing login credentials for ${server === hub ? "https://index.docker.io/v1/" : server}`);
  },
});

/** Asks on the terminal; what is not to be seen is not echoed. */
async function ask(app: App, question: string, echo: boolean): Promise<string> {
  if (app.stdin.isTTY !== true) {
    throw new Failure("invalid", "Cannot perform an interactive login from a non TTY device", {
      hint: "give --username and --password-stdin",
    });
  }
  app.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const input = createInterface({ input: app.stdin, output: echo ? app.stderr : silent, terminal: true });
  try {
    return (await input.question("")).trim();
  } finally {
    input.close();
    if (!echo) app.stderr.write("\n");
  }
}
