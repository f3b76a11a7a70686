/** `COPY` and `ADD`: files of the context, of another stage or image, of the Dockerfile itself, or from elsewhere. */
import { expandHereDocument, type CopyInstruction } from "../../dockerfile/index.ts";
import { Failure } from "../../errors.ts";
import { openLayersView, stackOf, takeRecordedAttributes } from "../../image/index.ts";
import { packTar } from "../../tar/index.ts";
import type { Source, StageRun } from "../build_run.ts";
import { copySourceWords, joinSourceWords, machineOwnerNames } from "../classic/index.ts";
import { planCopy, resolvedSources, type CopyPlan, type CopyRequest } from "../copy/index.ts";
import type { StageState } from "../stage_state.ts";
import type { Step, Work } from "../step.ts";
import type { StepId } from "../types.ts";
import { downloadWord, fetchSources, isRemoteSource, type FetchedSources } from "./fetch_sources.ts";
import { timeOfFiles } from "./time_of_files.ts";

export async function copyStep(
  run: StageRun,
  state: StageState,
  instruction: CopyInstruction,
  id: StepId,
): Promise<Pick<Step, "work" | "facts">> {
  const copy = new Copy(run, state, instruction, id);
  const source = instruction.from === undefined ? undefined : await copy.source();
  return { facts: copy.facts(), work: copy.work(source?.layers) };
}

class Copy {
  readonly #run: StageRun;
  readonly #instruction: CopyInstruction;
  readonly #id: StepId;
  readonly #request: CopyRequest;
  #plan: Promise<CopyPlan> | undefined;
  #fetched: Promise<FetchedSources> | undefined;

  constructor(run: StageRun, { config }: StageState, instruction: CopyInstruction, id: StepId) {
    this.#run = run;
    this.#instruction = instruction;
    this.#id = id;
    const word = (text: string): string => run.scope.word(text, config);
    const { chown, chmod, unpack } = instruction;
    this.#request = {
      kind: instruction.kind,
      sources: instruction.sources.map(word),
      files: instruction.hereDocuments.map(({ name, content, expand }) => ({
        name,
        content: Buffer.from(expand ? expandHereDocument(content, run.scope.lookup(config)) : content),
      })),
      destination: word(instruction.destination),
      workingDir: config.WorkingDir ?? "",
      ...(chown !== undefined && { chown: word(chown) }),
      ...(chmod !== undefined && { chmod: word(chmod) }),
      exclude: instruction.exclude.map(word),
      parents: instruction.parents,
      link: instruction.link,
      ...(unpack !== undefined && { unpack }),
      classic: run.build.options.mode === "classic",
    };
  }

  source(): Promise<Source> {
    const { build, planned } = this.#run;
    return build.source(this.#instruction.from, planned, this.#id);
  }

  facts(): Step["facts"] {
    const { sources, destination, chown } = this.#request;
    return { sources, destination, ...(chown !== undefined && { chown }) };
  }

  /** @param layers those of a stage or image that is copied from */
  work(layers: StageState | undefined): Work {
    const { checksum, keepGitDir } = this.#instruction;
    const { files, ...request } = this.#request;
    // A stage's layers, or what the file is known to hash to, say it all without a look at any file.
    const hint = files.length > 0 ? undefined : (layers?.top ?? checksum);
    return {
      kind: this.#instruction.kind,
      inputs: { ...request, keepGitDir },
      content: () => this.#planned(),
      contentWord: () => this.#word(),
      ...(hint !== undefined && { contentHint: hint }),
      // Names of users are those of the image.
      independent: request.link && !/[^0-9:]/.test(request.chown ?? ""),
      useCache: this.#run.useCache,
      make: (below, open) => this.#make(below, open),
    };
  }

  /** Wildcards among the sources are paths of files, URLs are not. */
  get #localSources(): readonly string[] {
    const { kind, sources } = this.#request;
    return kind === "copy" ? sources : sources.filter((source) => !isRemoteSource(source));
  }

  #remote(): Promise<FetchedSources> {
    const { checksum, keepGitDir } = this.#instruction;
    const { kind, sources, files } = this.#request;
    const remote = kind === "add" ? sources.filter(isRemoteSource) : [];
    if (checksum !== undefined && (remote.length !== 1 || sources.length + files.length !== 1)) {
      throw new Failure("invalid", "checksum can't be specified for multiple or local sources");
    }
    const options = { keepGitDir, id: this.#id, ...(checksum !== undefined && { checksum }) };
    return (this.#fetched ??= fetchSources(this.#run.build, remote, options));
  }

  #planned(): Promise<CopyPlan> {
    return (this.#plan ??= this.#makePlan());
  }

  async #makePlan(): Promise<CopyPlan> {
    const { build } = this.#run;
    const { downloads, checkouts } = await this.#remote();
    const sources = this.#localSources;
    const tree = sources.length > 0 ? (await this.source()).tree : undefined;
    return planCopy({ ...this.#request, sources, downloads, checkouts }, tree, { signal: build.signal });
  }

  /** For the history of the classic builder. */
  async #word(): Promise<string> {
    // What is wrong with the sources is told best by the plan.
    await this.#planned();
    const { signal } = this.#run.build;
    const { downloads } = await this.#remote();
    const { tree, layers } = await this.source();
    const names = machineOwnerNames();
    const origin =
      layers === undefined ? ({ kind: "context" } as const) : ({ kind: "mounted", names } as const);
    const words: string[] = [];
    let next = 0;
    for (const source of this.#request.sources) {
      const isLocal = this.#localSources.includes(source);
      const download = isLocal ? undefined : downloads[next++];
      if (download !== undefined) words.push(await downloadWord(download, signal));
      else words.push(...(await copySourceWords(tree, resolvedSources(tree, source), { origin, signal })));
    }
    return joinSourceWords(words);
  }

  async #make(below: StageState, open: AsyncDisposableStack) {
    const { services, options, signal } = this.#run.build;
    const plan = await this.#planned();
    const { store } = services;
    const stack = await stackOf(store, below.diffIds);
    const { view, isInexact } = open.use(openLayersView(store, stack));
    const epoch = options.sourceDateEpoch;
    const entries = plan.entries(view, {
      time: timeOfFiles(options),
      ...(epoch !== undefined && { epoch }),
      ...(isInexact && { correct: (existing) => takeRecordedAttributes(store, stack, existing, signal) }),
      signal,
    });
    return packTar(entries);
  }
}
