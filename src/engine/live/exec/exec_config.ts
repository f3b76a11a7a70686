/** What is to run in a container beside its first process, and how it stands (Engine API, Exec). */
import { Failure } from "../../../errors.ts";

export interface ExecConfig {
  readonly Cmd: readonly string[];
  readonly AttachStdin: boolean;
  readonly AttachStdout: boolean;
  readonly AttachStderr: boolean;
  readonly Tty: boolean;
  readonly Privileged: boolean;
  /** "": that of the container. */
  readonly User: string;
  /** "": that of the container. */
  readonly WorkingDir: string;
  readonly Env: readonly string[];
  /** "": the usual ones. */
  readonly DetachKeys: string;
  /** Rows and columns of its terminal, unless its start says otherwise. */
  readonly ConsoleSize?: readonly [number, number];
}

/** As `GET /exec/{id}/json` shows it. */
export interface ExecInspect {
  readonly ID: string;
  readonly Running: boolean;
  readonly ExitCode: number | null;
  readonly ProcessConfig: {
    readonly tty: boolean;
    readonly entrypoint: string;
    readonly arguments: readonly string[];
    readonly privileged: boolean;
    readonly user?: string;
  };
  readonly OpenStdin: boolean;
  readonly OpenStderr: boolean;
  readonly OpenStdout: boolean;
  readonly CanRemove: boolean;
  readonly ContainerID: string;
  readonly DetachKeys: string;
  readonly Pid: number;
}

/**
 * Reads what a client sent.
 * @throws Failure("invalid") in Docker's words, also for a value of another type
 */
export function readExecConfig(given: Readonly<Record<string, unknown>>): ExecConfig {
  const flag = (name: string): boolean => typed(given, name, "boolean") ?? false;
  const text = (name: string): string => typed(given, name, "string") ?? "";
  const list = (name: string): readonly string[] => {
    const value = given[name] ?? [];
    if (!Array.isArray(value) || value.some((item) => typeof item !== "string")) throw mistyped(name);
    return value as string[];
  };
  const Cmd = list("Cmd");
  if (Cmd.length === 0) throw new Failure("invalid", "No exec command specified");
  return {
    Cmd,
    AttachStdin: flag("AttachStdin"),
    AttachStdout: flag("AttachStdout"),
    AttachStderr: flag("AttachStderr"),
    Tty: flag("Tty"),
    Privileged: flag("Privileged"),
    User: text("User"),
    WorkingDir: text("WorkingDir"),
    Env: list("Env"),
    DetachKeys: text("DetachKeys"),
    ...sizeIn(given),
  };
}

function sizeIn({
  ConsoleSize: size = null,
}: Readonly<Record<string, unknown>>): Pick<ExecConfig, "ConsoleSize"> {
  if (size === null) return {};
  const isPair = Array.isArray(size) && size.length === 2 && size.every(Number.isInteger);
  if (!isPair) throw mistyped("ConsoleSize");
  return { ConsoleSize: size as [number, number] };
}

function typed(given: Readonly<Record<string, unknown>>, name: string, type: "boolean"): boolean | undefined;
function typed(given: Readonly<Record<string, unknown>>, name: string, type: "string"): string | undefined;
function typed(given: Readonly<Record<string, unknown>>, name: string, type: string): unknown {
  const value = given[name] ?? undefined;
  if (value !== undefined && typeof value !== type) throw mistyped(name);
  return value;
}

function mistyped(name: string): Failure {
  return new Failure("invalid", `invalid JSON: ${name} has the wrong type`);
}
