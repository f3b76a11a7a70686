/** A Dockerfile as it was written: instructions with places and texts, nothing expanded, nothing looked up. */

/** Both count from 1; columns count characters. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Span {
  readonly start: Position;
  /** The place after the last character. */
  readonly end: Position;
}

export interface HereDocument {
  /** The word after `<<`, without its quotes. */
  readonly name: string;
  /** With the final line feed; leading tabs are gone after `<<-`. */
  readonly content: string;
  /** Whether variables in it are expanded: not if any part of the name was quoted. */
  readonly expand: boolean;
  /** Where its content stands. */
  readonly span: Span;
}

/** `CMD`, `ENTRYPOINT`, `RUN` and the command of `HEALTHCHECK`. */
export type Command =
  | { readonly form: "exec"; readonly words: readonly string[] }
  /** `text` is what the shell gets; here-documents of it are beside it, their `<<NAME` still in it. */
  | { readonly form: "shell"; readonly text: string; readonly hereDocuments: readonly HereDocument[] };

/** One `name=value` of `ENV`, `LABEL` or `ARG`; unexpanded, with its quotes. */
export interface NameValue {
  readonly name: string;
  readonly value: string;
}

interface Common<Kind extends string> {
  readonly kind: Kind;
  /**
   * As the steps of Docker's classic builder show it: the word as written, flags and all, continued lines joined with
   * their indentation (behaviours B063): `RUN apt-get update -y &&     apt-get install -y emacs`. Here-documents are left
   * out.
   */
  readonly text: string;
  /** From the word to the last line that belongs to it. */
  readonly span: Span;
}

export interface FromInstruction extends Common<"from"> {
  readonly image: string;
  readonly platform?: string;
  /** `AS name`, in lower case. */
  readonly name?: string;
}

/** A name without value declares only. */
export interface ArgInstruction extends Common<"arg"> {
  readonly values: readonly { readonly name: string; readonly value?: string }[];
}

export interface EnvInstruction extends Common<"env"> {
  readonly values: readonly NameValue[];
}

export interface LabelInstruction extends Common<"label"> {
  readonly values: readonly NameValue[];
}

export interface MaintainerInstruction extends Common<"maintainer"> {
  readonly author: string;
}

export interface CopyInstruction extends Common<"copy" | "add"> {
  /** Paths, wildcards, and for `ADD` URLs and git references. Here-documents are not among them. */
  readonly sources: readonly string[];
  /** Files given in the Dockerfile itself, named as their here-documents. */
  readonly hereDocuments: readonly HereDocument[];
  readonly destination: string;
  readonly from?: string;
  readonly chown?: string;
  readonly chmod?: string;
  readonly checksum?: string;
  readonly exclude: readonly string[];
  readonly link: boolean;
  readonly parents: boolean;
  readonly keepGitDir: boolean;
  /** `ADD --unpack=…`; undefined: local archives are unpacked, downloads are not. */
  readonly unpack?: boolean;
}

/** `RUN --mount=…`; words unexpanded. */
export interface RunMount {
  readonly type: "bind" | "cache" | "tmpfs" | "secret" | "ssh";
  readonly target?: string;
  readonly source?: string;
  readonly from?: string;
  readonly id?: string;
  /** Of a bind: false unless `rw`. Of a cache: false only with `ro`. */
  readonly readWrite?: boolean;
  readonly sharing?: "shared" | "private" | "locked";
  readonly required?: boolean;
  /** Octal digits. */
  readonly mode?: string;
  readonly uid?: string;
  readonly gid?: string;
  /** Of a tmpfs, as written: `64m`. */
  readonly size?: string;
  /** Of a secret: the variable that holds it. */
  readonly env?: string;
}

export interface RunInstruction extends Common<"run"> {
  readonly command: Command;
  readonly mounts: readonly RunMount[];
  readonly network?: "default" | "none" | "host";
  readonly security?: "sandbox" | "insecure";
}

export interface WorkdirInstruction extends Common<"workdir"> {
  readonly path: string;
}

export interface UserInstruction extends Common<"user"> {
  readonly user: string;
}

export interface ShellInstruction extends Common<"shell"> {
  readonly words: readonly string[];
}

export interface CommandInstruction extends Common<"cmd" | "entrypoint"> {
  readonly command: Command;
}

export interface ExposeInstruction extends Common<"expose"> {
  readonly ports: readonly string[];
}

export interface VolumeInstruction extends Common<"volume"> {
  readonly paths: readonly string[];
}

export interface StopsignalInstruction extends Common<"stopsignal"> {
  readonly signal: string;
}

/** `none`, or a command with its times as written (`30s`). */
export interface HealthcheckInstruction extends Common<"healthcheck"> {
  readonly command: Command | "none";
  readonly interval?: string;
  readonly timeout?: string;
  readonly startPeriod?: string;
  readonly startInterval?: string;
  readonly retries?: string;
}

export interface OnbuildInstruction extends Common<"onbuild"> {
  /** What the image keeps, as written: `RUN make`. */
  readonly trigger: string;
}

export type Instruction =
  | FromInstruction
  | ArgInstruction
  | EnvInstruction
  | LabelInstruction
  | MaintainerInstruction
  | CopyInstruction
  | RunInstruction
  | WorkdirInstruction
  | UserInstruction
  | ShellInstruction
  | CommandInstruction
  | ExposeInstruction
  | VolumeInstruction
  | StopsignalInstruction
  | HealthcheckInstruction
  | OnbuildInstruction;

export interface Stage {
  readonly from: FromInstruction;
  /** Without its `FROM`. */
  readonly instructions: readonly Exclude<Instruction, FromInstruction>[];
}

export interface Comment {
  /** Without the `#`, trimmed. */
  readonly text: string;
  readonly line: number;
}

/** Something that is accepted and that Docker warns of. */
export interface DockerfileWarning {
  /** Name of the rule in the words of `docker build --check`: `MaintainerDeprecated`. */
  readonly rule: string;
  readonly message: string;
  readonly span: Span;
}

export interface Dockerfile {
  /** Name for messages: `Dockerfile`. */
  readonly name: string;
  /** Lines as written, without their ends and without a byte order mark. */
  readonly lines: readonly string[];
  /** `# syntax=`, `# escape=`, `# check=`. */
  readonly directives: { readonly syntax?: string; readonly check?: string };
  readonly escape: "\\" | "`";
  /** `ARG` before the first `FROM`. */
  readonly globalArgs: readonly ArgInstruction[];
  readonly stages: readonly Stage[];
  readonly comments: readonly Comment[];
  readonly warnings: readonly DockerfileWarning[];
}
