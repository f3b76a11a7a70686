/** `varve daemon install` and `uninstall`: the daemon as a service of systemd. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { Failure } from "../../errors.ts";
import { command, line, type App } from "../app.ts";
import { daemonUnits, unitMark, unitNames } from "../daemon_units.ts";
import { socketPath } from "./daemon.ts";

const placeFlags = {
  user: { kind: "boolean", help: "For the service manager of the user, not the system's" },
  directory: {
    kind: "string",
    type: "directory",
    complete: "directory",
    help: "Where units lie (default /etc/systemd/system, or ~/.config/systemd/user)",
  },
} as const;

export const daemonInstall = command({
  path: ["daemon", "install"],
  section: "Engine",
  usage: "[OPTIONS]",
  summary: "Make the daemon a service of systemd",
  details:
    "Writes varve.socket and varve.service. The service starts with the first client, and its containers run on while " +
    "it is restarted. --root and --driver are kept for it.",
  examples: [
    { text: "For the members of the group docker", command: "varve daemon install --group docker" },
    { text: "Only look", command: "varve daemon install --print" },
  ],
  flags: {
    ...placeFlags,
    group: { kind: "string", short: "G", type: "string", help: "Group that may use the socket" },
    "config-file": { kind: "string", type: "file", complete: "file", help: "Settings of the daemon" },
    print: { kind: "boolean", help: "Print the units, write nothing" },
  },
  args: { min: 0, max: 0 },
  storeless: true,
  async run({ app, flags }) {
    const user = flags.user || (app.ordinaryUser && flags.directory === undefined);
    const units = daemonUnits({
      command: [...program(), ...globals(app), "daemon", "--host", "fd://", ...config(flags["config-file"])],
      socket: user ? "%t/varve.sock" : socketPath({ ordinaryUser: false }),
      group: flags.group,
      user,
    });
    const directory = placeOf({ ...flags, user });
    if (flags.print) {
      for (const name of unitNames) line(app, `# ${join(directory, name)}\n${units[name]}`);
      return;
    }
    for (const name of unitNames) checkOurs(join(directory, name));
    mkdirSync(directory, { recursive: true });
    for (const name of unitNames) {
      writeFileSync(join(directory, name), units[name], { mode: 0o644 });
      line(app, join(directory, name));
    }
    const manager = user ? "systemctl --user" : "systemctl";
    line(app, `Start it: ${manager} daemon-reload && ${manager} enable --now varve.socket varve.service`);
  },
});

export const daemonUninstall = command({
  path: ["daemon", "uninstall"],
  section: "Engine",
  usage: "[OPTIONS]",
  summary: "Take the daemon out of systemd",
  details: "Removes the units that install wrote. The data root, and containers that run, stay.",
  examples: [
    {
      text: "Stop it first",
      command: "systemctl disable --now varve.socket varve.service && varve daemon uninstall",
    },
  ],
  flags: placeFlags,
  args: { min: 0, max: 0 },
  storeless: true,
  async run({ app, flags }) {
    const directory = placeOf({ ...flags, user: flags.user || app.ordinaryUser });
    const found = unitNames.map((name) => join(directory, name)).filter((path) => existsSync(path));
    if (found.length === 0) throw new Failure("not-found", `no units of varve in ${directory}`);
    for (const path of found) checkOurs(path);
    for (const path of found) {
      rmSync(path);
      line(app, path);
    }
  },
});

function placeOf({
  user,
  directory,
}: {
  readonly user: boolean;
  readonly directory?: string | undefined;
}): string {
  if (directory !== undefined) return resolve(directory);
  if (!user) return "/etc/systemd/system";
  return join(process.env["XDG_CONFIG_HOME"] ?? join(homedir(), ".config"), "systemd/user");
}

/** @throws Failure("conflict") for a file of somebody else's */
function checkOurs(path: string): void {
  if (!existsSync(path) || readFileSync(path, "utf8").startsWith(unitMark)) return;
  throw new Failure("conflict", `${path} was not written by varve daemon install`, {
    hint: "Move it away, or give another --directory.",
  });
}

/** This program as a service starts it. */
function program(): string[] {
  return [process.execPath, ...process.execArgv, "--", resolve(process.argv[1] ?? "varve")];
}

function globals({ givenGlobals, engineOptions }: App): string[] {
  const { root, driver, storageOptions = [] } = engineOptions;
  return [
    ...(givenGlobals.has("root") ? ["--root", root] : []),
    ...(driver === undefined ? [] : ["--driver", driver]),
    ...storageOptions.flatMap((option) => ["--storage-opt", option]),
  ];
}

const config = (path: string | undefined): string[] =>
  path === undefined ? [] : ["--config-file", resolve(path)];
