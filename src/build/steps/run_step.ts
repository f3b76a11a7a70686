/** `RUN`: a command in a temporary container on the layers so far; what it changes is the layer. */
import { randomBytes } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import type { Command, RunInstruction, RunMount } from "../../dockerfile/index.ts";
import { Failure } from "../../errors.ts";
import type { ContainerConfig } from "../../oci/index.ts";
import type { StageRun } from "../build_run.ts";
import { shellOf } from "../config/index.ts";
import { CommandExit } from "../command_exit.ts";
import type { StageState } from "../stage_state.ts";
import type { Step } from "../step.ts";
import { removeTreeInSlices } from "../../sys/index.ts";
import type { BuildOptions, RunStep, StepId, StepMount } from "../types.ts";
import { openWorkspace } from "../workspace.ts";
import { runFailureText } from "../classic/index.ts";
import type { ByteSource } from "../../bytes/index.ts";
import type { PreparedMounts } from "../mounts/index.ts";
import { anonymousVolumes } from "./anonymous_volumes.ts";
import { clampTimes } from "./clamp_times.ts";
import { OutputTail } from "./output_tail.ts";
import { scriptsDirectory } from "./scripts_directory.ts";
import { expandMount, mountInputs, stepMounts } from "./run_mounts.ts";

export async function runStep(
  run: StageRun,
  state: StageState,
  instruction: RunInstruction,
  id: StepId,
): Promise<Pick<Step, "work" | "facts">> {
  const { config } = state;
  const { scope, build } = run;
  if (instruction.security === "insecure") checkAllowed(build.options);
  const command = commandOf(instruction.command, config);
  const args = scope.commandArgs(config);
  const mounts = instruction.mounts.map((mount) => expandMount(mount, (text) => scope.word(text, config)));
  const container = randomBytes(32).toString("hex");
  const inputs = {
    command: command.words,
    script: command.script,
    env: config.Env ?? [],
    args,
    user: config.User ?? "",
    workingDir: config.WorkingDir ?? "/",
    network: instruction.network ?? build.options.network ?? "default",
    security: instruction.security ?? "sandbox",
    hosts: build.options.addHosts ?? [],
    mounts: await mountInputs(run, mounts, id),
  };
  return {
    facts: { args: scope.toldArgs(config, build.options.mode ?? "buildkit"), command: command.words },
    work: {
      kind: "run",
      container,
      inputs,
      independent: false,
      useCache: run.useCache,
      make: async (below, open) => {
        const tar = await changesOf(
          { run, instruction, id, config, mounts, command, args, container },
          below,
          open,
        );
        return clampTimes(tar, build.options.sourceDateEpoch);
      },
    },
  };
}

/** A Dockerfile may be anybody's: only who builds can give it the machine. Throws `Failure("denied")`, as BuildKit does. */
function checkAllowed({ allow = [] }: Pick<BuildOptions, "allow">): void {
  if (allow.includes("security.insecure")) return;
  throw new Failure("denied", "security.insecure is not allowed", {
    hint: "A command with --security=insecure has all rights of varve; --allow security.insecure permits it.",
  });
}

interface Execution {
  readonly run: StageRun;
  readonly instruction: RunInstruction;
  readonly id: StepId;
  readonly config: ContainerConfig;
  readonly mounts: readonly RunMount[];
  readonly command: ScriptedCommand;
  readonly args: readonly string[];
  readonly container: string;
}

/** Runs the command; the tar of what it has changed. */
async function changesOf(
  execution: Execution,
  below: StageState,
  open: AsyncDisposableStack,
): Promise<ByteSource> {
  const { build } = execution.run;
  const { config, id, command } = execution;
  const mounts = await stepMounts(execution.run, execution.mounts, { config, id, script: command.script });
  await using mounted = mounts;
  const { store } = build.services;
  const workspace = open.use(await openWorkspace(store, build.session, below.top, mounted.mounts));
  const volumes = await volumesOf(execution, workspace.path, open);
  await execute(execution, workspace.path, { ...mounted, mounts: [...volumes, ...mounted.mounts] });
  await workspace.unmount();
  return workspace.diff({ signal: build.signal });
}

async function volumesOf(
  { run: { build }, config }: Execution,
  rootfs: string,
  open: AsyncDisposableStack,
): Promise<StepMount[]> {
  const paths = build.options.mode === "classic" ? Object.keys(config.Volumes ?? {}) : [];
  if (paths.length === 0) return [];
  const directory = await mkdtemp(join(build.session.directory, "volumes-"));
  open.defer(() => removeTreeInSlices(fromText(directory)));
  return anonymousVolumes(rootfs, paths, directory);
}

type Mounted = Pick<PreparedMounts, "mounts" | "env">;

async function execute(execution: Execution, rootfs: string, mounted: Mounted): Promise<void> {
  const { run, instruction, id, config, args, command, container } = execution;
  const { build, scope } = run;
  const tail = new OutputTail();
  const step: RunStep = {
    id: container,
    rootfs,
    args: command.words,
    env: [...(config.Env ?? []), ...args, ...scope.proxies(), ...mounted.env],
    workingDir: config.WorkingDir || "/",
    user: config.User ?? "",
    mounts: mounted.mounts,
    network: instruction.network ?? build.options.network ?? "default",
    security: instruction.security ?? "sandbox",
    addHosts: build.options.addHosts ?? [],
    onOutput: (stream, chunk) => {
      tail.add(chunk);
      build.emit({ kind: "output", id, stream, chunk });
    },
    signal: build.signal,
  };
  build.emit({ kind: "container", id, container, what: "running" });
  const code = await build.services.runner.run(step);
  if (code !== 0) {
    await build.options.onFailedRun?.(step);
    throw failed(execution, code, tail);
  }
  build.emit({ kind: "container", id, container, what: "removed" });
}

function failed({ run, instruction, command }: Execution, code: number, tail: OutputTail): Failure {
  const { name } = run.build.options.dockerfile;
  const where = `${name}:${instruction.span.start.line}: ${instruction.text}`;
  const output = tail.lines();
  return new Failure("invalid", runFailureText(command.words, code), {
    hint: output === "" ? where : `${where}\nIts last output:\n${output}`,
    cause: new CommandExit(code, { command: command.words.join(" "), where, output }),
  });
}

interface ScriptedCommand {
  readonly words: readonly string[];
  /** A here-document that is to be executed as a file, by the interpreter that its first line names. */
  readonly script?: { readonly name: string; readonly content: string };
}

/**
 * Dockerfile reference, "Here-Documents": one that stands alone is the script, run by the shell or by the interpreter
 * of its `#!`; others are left to the shell.
 */
function commandOf(command: Command, config: ContainerConfig): ScriptedCommand {
  if (command.form === "exec") return { words: command.words };
  const shell = shellOf(config);
  const [first, ...more] = command.hereDocuments;
  if (first === undefined) return { words: [...shell, command.text] };
  const alone = more.length === 0 && /^<<-?\s*["']?[^\s"'<>]+["']?$/.test(command.text.trim());
  if (!alone) {
    const bodies = command.hereDocuments.map(({ content, name }) => `\n${content}${name}`);
    return { words: [...shell, command.text + bodies.join("")] };
  }
  if (!first.content.startsWith("#!")) return { words: [...shell, first.content] };
  return {
    words: [`${scriptsDirectory}/${first.name}`],
    script: { name: first.name, content: first.content },
  };
}
