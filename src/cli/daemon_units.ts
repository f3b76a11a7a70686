/** The systemd units of `varve daemon` (systemd.service(5), systemd.socket(5)). */

export interface UnitOptions {
  /** The program and its arguments, as they are to be started. */
  readonly command: readonly string[];
  /** Where clients connect; systemd's `%` specifiers hold in it. */
  readonly socket: string;
  /** Who may; undefined: root, or the user, alone. */
  readonly group: string | undefined;
  /** Of the user's own service manager. */
  readonly user: boolean;
}

/** The first line of each: what has it may be written over and removed. */
export const unitMark = "# Written by varve daemon install.";

export const unitNames = ["varve.socket", "varve.service"] as const;

/** Contents by file name. */
export function daemonUnits(options: UnitOptions): Record<(typeof unitNames)[number], string> {
  return { "varve.socket": socketUnit(options), "varve.service": serviceUnit(options) };
}

function socketUnit({ socket, group }: UnitOptions): string {
  return text([
    "[Unit]",
    "Description=Docker Engine API of varve",
    "",
    "[Socket]",
    `ListenStream=${socket}`,
    `SocketMode=${group === undefined ? "0600" : "0660"}`,
    ...(group === undefined ? [] : [`SocketGroup=${percentless(group)}`]),
    "",
    "[Install]",
    "WantedBy=sockets.target",
  ]);
}

function serviceUnit({ command, user }: UnitOptions): string {
  return text([
    "[Unit]",
    "Description=varve, a Docker engine",
    ...(user ? [] : ["After=network-online.target", "Wants=network-online.target"]),
    "Requires=varve.socket",
    "",
    "[Service]",
    "Type=notify",
    `ExecStart=${command.map(quoted).join(" ")}`,
    "ExecReload=/bin/kill -s HUP $MAINPID",
    "# Containers run on while the daemon is replaced.",
    "KillMode=process",
    "Delegate=yes",
    "TasksMax=infinity",
    "LimitNOFILE=1048576",
    "Restart=always",
    "RestartSec=2",
    "",
    "[Install]",
    `WantedBy=${user ? "default.target" : "multi-user.target"}`,
  ]);
}

const text = (lines: readonly string[]): string => `${[unitMark, ...lines].join("\n")}\n`;

const percentless = (word: string): string => word.replace(/%/g, "%%");

/** One word of a command line there. */
function quoted(word: string): string {
  const escaped = percentless(word).replace(/\$/g, "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replace(/(["\\])/g, "\\$1")}"`;
}
