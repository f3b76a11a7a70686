/** The record that describes a command: parsing, help, completion and documentation are all made from it. */

/** What names a completion offers: the program answers for names that only the store knows. */
export type CompletionKind =
  | "image"
  | "container"
  /** Containers that run. */
  | "running"
  /** Containers that do not. */
  | "stopped"
  | "network"
  | "volume"
  | "file"
  | "directory"
  | "none";

interface FlagBase {
  /** One letter: `q` for `-q`. */
  readonly short?: string;
  /** One line for help; line feeds are kept. */
  readonly help: string;
  /** The word that stands for the value in help: `filter`, `duration`. Default: the kind. */
  readonly type?: string;
  readonly hidden?: boolean;
  /** Why it is not there: whoever gives it is told so. */
  readonly refused?: string;
  readonly complete?: CompletionKind;
  /** Values that a completion offers, besides those that are the only ones; asked with the words before. */
  readonly candidates?: (words: readonly string[]) => readonly string[] | Promise<readonly string[]>;
  /** An environment variable that gives the value when the flag is absent; empty counts as unset. */
  readonly env?: string;
}

/** `--flag`, `--flag=false`. */
export interface BooleanFlag extends FlagBase {
  readonly kind: "boolean";
  readonly default?: boolean;
}
/** `--flag x`. With `values` only those are taken. */
export interface StringFlag extends FlagBase {
  readonly kind: "string";
  readonly default?: string;
  readonly required?: true;
  readonly values?: readonly string[];
  /** Its value where it is given without one: `--flag`. Then `--flag=x` is the only way to give one. */
  readonly bare?: string;
}
/** `--flag 1.5`; with `integer` whole numbers only. */
export interface NumberFlag extends FlagBase {
  readonly kind: "number";
  readonly default?: number;
  readonly required?: true;
  readonly integer?: boolean;
}
/** `--flag 512m`: bytes, by Docker's RAMInBytes. */
export interface BytesFlag extends FlagBase {
  readonly kind: "bytes";
  readonly default?: number;
  readonly required?: true;
}
/** `--flag a --flag b`: any number of values, in order. */
export interface ListFlag extends FlagBase {
  readonly kind: "list";
}
/** `--flag key=value`, repeatable; a key without `=` has the value "". */
export interface MapFlag extends FlagBase {
  readonly kind: "map";
}

export type Flag = BooleanFlag | StringFlag | NumberFlag | BytesFlag | ListFlag | MapFlag;
/** Flags by their long name, without dashes. */
export type Flags = Readonly<Record<string, Flag>>;

type Given<F extends Flag> = F extends { kind: "boolean" }
  ? boolean
  : F extends { kind: "string"; values: readonly (infer V)[] }
    ? V
    : F extends { kind: "string" }
      ? string
      : F extends { kind: "list" }
        ? readonly string[]
        : F extends { kind: "map" }
          ? ReadonlyMap<string, string>
          : number;

type AlwaysSet =
  { kind: "boolean" | "list" | "map" } | { required: true } | { default: string | number | boolean };

/** What `run` gets for a flag: undefined only where a flag may be absent and has no default. */
export type FlagValue<F extends Flag> = F extends AlwaysSet ? Given<F> : Given<F> | undefined;
export type FlagValues<F extends Flags> = { readonly [K in keyof F]: FlagValue<F[K]> };

export interface CommandContext<F extends Flags, App> {
  readonly flags: FlagValues<F>;
  /** Names of the flags that the user (or an environment variable) set. */
  readonly given: ReadonlySet<string>;
  /** Positional arguments. */
  readonly args: readonly string[];
  /** What the program hands to all its commands: streams, global flags, the engine. */
  readonly app: App;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

export interface CommandSpec<F extends Flags, App> {
  /** Words that call it: `["system", "df"]`. */
  readonly path: readonly string[];
  /** Other words that call it: `[["image", "ls"]]`. */
  readonly aliases?: readonly (readonly string[])[];
  /** What follows the name in the usage line: `[OPTIONS] NAME[:TAG|@DIGEST]`. */
  readonly usage: string;
  /** One line without final stop, as it stands in lists of commands. */
  readonly summary: string;
  /** Paragraphs shown by `--help` below the summary. */
  readonly details?: string;
  readonly examples?: readonly { readonly text: string; readonly command: string }[];
  readonly flags: F;
  /** How many positional arguments; no `max` means any number. `name` stands in completion and documentation. */
  readonly args: { readonly min: number; readonly max?: number; readonly name?: string };
  /** Flags end at the first positional argument, as for run, create and exec. */
  readonly stopAtFirst?: boolean;
  /** Groups of flags of which at most one may be given. */
  readonly exclusive?: readonly (readonly (keyof F & string)[])[];
  /** What the positional arguments name; a function when that depends on the position (from 0). */
  readonly complete?: CompletionKind | ((position: number) => CompletionKind);
  /** Heading under which root help lists it; default `Commands`. */
  readonly section?: string;
  readonly hidden?: boolean;
  /** Exit code of its failures; default 1. Docker's `run`, `create` and `start` use 125 for faults of the engine. */
  readonly failureCode?: number;
  /** It handles SIGINT and SIGTERM itself, as `run` does, which hands them to the container. */
  readonly ownSignals?: boolean;
  /** It never opens the data root, or not for a call like this one. */
  readonly storeless?: boolean | ((call: Pick<CommandContext<F, App>, "flags">) => boolean);
  /**
   * What it has to do with a daemon: it is `asked` to do the work where there is one, or the root does not matter; or the
   * command works on a root itself, which is the `same` that the first kind would have, also when only a variable of Docker's says so. Default:
   * on a root itself, which is the daemon's only where the user names that to this program.
   */
  readonly daemon?: "asked" | "same";
  /**
   * Asked before the root is opened, for an ordinary user: whether this call mounts nothing, so that it needs no namespace
   * where the root's driver does not.
   */
  mountsNothing?(call: Pick<CommandContext<F, App>, "flags" | "args">): Promise<boolean>;
  /** It mounts whatever driver keeps the root: an ordinary user needs a namespace for it even where that is vfs. */
  readonly mounts?: boolean;
  /** Returns the exit code; nothing means 0. */
  run(context: CommandContext<F, App>): Promise<number | void>;
}

/** A command with the types of its flags forgotten, as tables hold it. */
export interface Command<App = unknown> extends Omit<
  CommandSpec<Flags, App>,
  "run" | "exclusive" | "mountsNothing" | "storeless"
> {
  /** The path joined by spaces. */
  readonly name: string;
  readonly exclusive?: readonly (readonly string[])[];
  mountsNothing?(call: CommandCall<App>): Promise<boolean>;
  readonly storeless?: boolean | ((call: CommandCall<App>) => boolean);
  run(context: CommandContext<Flags, App>): Promise<number | void>;
}

/** What the user wrote, by the command's own table. */
export type CommandCall<App = unknown> = Pick<CommandContext<Flags, App>, "flags" | "args">;

/**
 * A maker of commands for one program: `const command = commandsFor<App>()`, then `command({ flags: {...}, run })`
 * infers the type of `flags` in `run` from the table.
 */
export function commandsFor<App>(): <const F extends Flags>(spec: CommandSpec<F, App>) => Command<App> {
  return (spec) => ({
    ...(spec as unknown as Omit<Command<App>, "name">),
    name: spec.path.join(" "),
    // The parser fills the values by the same table from which F was inferred.
    run: (context) => spec.run(context as never),
  });
}

/** The whole program: what `--help`, the dispatcher and completion need to know. */
export interface Program<App = unknown> {
  /** `varve`. */
  readonly name: string;
  readonly summary: string;
  readonly version: string;
  /** Flags of all commands; they may stand before or after the command's name. */
  readonly globals: Flags;
  readonly commands: readonly Command<App>[];
  /** Groups such as `system`: the first word of several paths. */
  readonly groups: Readonly<Record<string, { readonly summary: string }>>;
  /** Headings of root help in order; others follow. */
  readonly sections?: readonly string[];
}
