/** One instruction, evaluated on the state of its stage: what it does to the config, and what layer it makes. */
import type { ByteSource } from "../bytes/index.ts";
import type { Instruction } from "../dockerfile/index.ts";
import type { ContainerConfig } from "../oci/index.ts";
import type { TextFacts } from "./classic/index.ts";
import type { StageState } from "./stage_state.ts";
import type { StepId } from "./types.ts";

export interface Step {
  readonly id: StepId;
  readonly instruction: Instruction;
  /** With its variables expanded, for what is said of it. */
  readonly expanded: Instruction;
  /** The config after it. */
  readonly config: ContainerConfig;
  /** Absent: it changes no file. */
  readonly work?: Work;
  /** What the texts of history rows say beside the instruction. */
  readonly facts: Omit<TextFacts, "config">;
}

/** Makes a layer. */
export interface Work {
  readonly kind: "run" | "copy" | "add" | "workdir";
  /** All that the layer depends on beside the layers below; `content` excepted. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Digest of the files that it takes; asked for only if `inputs` do not decide. */
  readonly content?: () => Promise<Content>;
  /** Says in short which files are meant, if that can be said without reading them: the layers of a stage. */
  readonly contentHint?: string;
  /** Docker's word for what is copied: `file:…`, `dir:…`, `multi:…` (classic mode). */
  readonly contentWord?: () => Promise<string>;
  /** Whether the layer is the same whatever lies below (`--link`). */
  readonly independent: boolean;
  readonly useCache: boolean;
  /** Of a command: 64 hex digits. */
  readonly container?: string;
  /** The layer's tar. What has to stay open until it was read joins `open`. */
  make(below: StageState, open: AsyncDisposableStack): Promise<ByteSource>;
}

export interface Content {
  readonly digest: string;
  /** Short digests by path, to tell what changed. */
  readonly items?: ReadonlyMap<string, string>;
}
