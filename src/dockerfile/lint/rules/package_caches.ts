/** Package managers that leave in the layer what they keep for their next run. */
import type { RunInstruction, Stage } from "../../types.ts";
import { replaceIn, withCommand, withFlag } from "../lines.ts";
import { type LintContext, type Run, inherited, runsOf } from "../lint_context.ts";
import type { ShellCommand } from "../shell_commands.ts";
import type { Draft, LintFix } from "../types.ts";

/** What one package manager does by default, and how it is told otherwise. */
interface Manager {
  readonly message: string;
  readonly installs: (command: ShellCommand) => boolean;
  /** Whether the same RUN cleans up. */
  readonly isClean: (run: Run) => boolean;
  /** A cache mount there is as good. */
  readonly directories: readonly string[];
  /** Set in the environment, it keeps nothing. */
  readonly variable?: string;
  readonly fix: (context: LintContext, run: RunInstruction) => LintFix | undefined;
}

const has = (command: ShellCommand, ...words: string[]): boolean =>
  words.every((word) => command.words.includes(word));
const removes = (run: Run, path: RegExp): boolean =>
  run.commands.some(
    ({ name, words }) => (name === "rm" || name === "find") && words.some((word) => path.test(word)),
  );

const apt = (name: string): boolean => name === "apt-get" || name === "apt" || name === "aptitude";
const pip = ({ name, words }: ShellCommand): boolean =>
  /^pip[\d.]*$/.test(name) || (/^python[\d.]*$/.test(name) && words[0] === "-m" && words[1] === "pip");
const isNpm = ({ name, words }: ShellCommand): boolean =>
  name === "npm" && ["ci", "install", "i"].includes(words.find((word) => !word.startsWith("-")) ?? "");

const managers: readonly Manager[] = [
  {
    message: "apt-get leaves its package lists in the layer",
    installs: (command) => apt(command.name) && has(command, "install"),
    isClean: (run) =>
      !run.commands.some((command) => apt(command.name) && has(command, "update")) ||
      removes(run, /^\/var\/lib\/apt(?:\/|$)/),
    directories: ["/var/lib/apt", "/var/lib/apt/lists"],
    fix: ({ dockerfile }, run) => withCommand(dockerfile, run, "rm -rf /var/lib/apt/lists/*"),
  },
  {
    message: "apk keeps its index in the layer",
    installs: (command) => command.name === "apk" && has(command, "add") && !has(command, "--no-cache"),
    isClean: (run) => removes(run, /^\/var\/cache\/apk/),
    directories: ["/var/cache/apk", "/etc/apk/cache"],
    fix: ({ dockerfile }, run) =>
      replaceIn(dockerfile, run, /\bapk\s+add\b(?!\s+--no-cache)/, "apk add --no-cache"),
  },
  {
    message: "pip keeps what it downloads in the layer",
    installs: (command) => pip(command) && has(command, "install") && !has(command, "--no-cache-dir"),
    isClean: (run) =>
      run.commands.some((command) => pip(command) && has(command, "cache", "purge")) ||
      removes(run, /\.cache/),
    directories: ["/root/.cache", "/root/.cache/pip"],
    variable: "PIP_NO_CACHE_DIR",
    fix: ({ dockerfile }, run) =>
      replaceIn(
        dockerfile,
        run,
        /(?<=\bpip[\d.]*\s+)install\b(?!\s+--no-cache-dir)/,
        "install --no-cache-dir",
      ),
  },
  {
    message: "npm keeps what it downloads in the layer",
    installs: isNpm,
    isClean: (run) =>
      run.commands.some((command) => command.name === "npm" && has(command, "cache", "clean")) ||
      removes(run, /\.npm/),
    directories: ["/root/.npm"],
    variable: "npm_config_cache",
    fix: ({ dockerfile }, run) => ({
      lines: withFlag(dockerfile, run, "--mount=type=cache,target=/root/.npm"),
      span: run.span,
    }),
  },
  {
    message: "yarn keeps what it downloads in the layer",
    installs: ({ name, words }) =>
      name === "yarn" && (words.length === 0 || words[0] === "install" || (words[0] ?? "").startsWith("-")),
    isClean: (run) =>
      run.commands.some((command) => command.name === "yarn" && has(command, "cache", "clean")) ||
      removes(run, /\.cache/),
    directories: ["/usr/local/share/.cache/yarn", "/root/.cache/yarn"],
    variable: "YARN_CACHE_FOLDER",
    fix: ({ dockerfile }, run) => ({
      lines: withFlag(dockerfile, run, "--mount=type=cache,target=/usr/local/share/.cache/yarn"),
      span: run.span,
    }),
  },
  {
    message: "dnf keeps its metadata and packages in the layer",
    installs: (command) =>
      /^(?:dnf5?|yum|microdnf)$/.test(command.name) && (has(command, "install") || has(command, "update")),
    isClean: (run) =>
      run.commands.some((command) => has(command, "clean", "all")) || removes(run, /^\/var\/cache/),
    directories: ["/var/cache/dnf", "/var/cache/yum", "/var/cache/libdnf5"],
    fix: ({ dockerfile }, run) => {
      const name = /\b(?:dnf5?|yum|microdnf)\b/.exec(run.text)?.[0] ?? "dnf";
      return withCommand(dockerfile, run, `${name} clean all`);
    },
  },
];

export function packageCaches(context: LintContext): Draft[] {
  return context.dockerfile.stages.flatMap((stage) =>
    runsOf(stage).flatMap((run) =>
      managers.flatMap((manager): Draft[] => {
        if (!leaves(manager, run) || isSet(context, stage, manager.variable)) return [];
        const { span } = run.instruction;
        return [
          {
            rule: "PackageCacheLeft",
            message: manager.message,
            span,
            fix: manager.fix(context, run.instruction),
          },
        ];
      }),
    ),
  );
}

function leaves(manager: Manager, run: Run): boolean {
  const isMounted = run.instruction.mounts.some(
    ({ type, target }) => type !== "bind" && manager.directories.includes((target ?? "").replace(/\/+$/, "")),
  );
  return !isMounted && run.commands.some((command) => manager.installs(command)) && !manager.isClean(run);
}

function isSet({ dockerfile }: LintContext, stage: Stage, variable: string | undefined): boolean {
  return inherited(dockerfile, stage).some(
    (instruction) =>
      (instruction.kind === "env" || instruction.kind === "arg") &&
      instruction.values.some(({ name }) => name === variable),
  );
}
