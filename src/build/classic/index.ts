export { buildkitComment, buildkitText } from "./buildkit_text.ts";
export { ClassicCache } from "./classic_cache.ts";
export { checkClassic, replacedHealthcheckText, runFailureText } from "./classic_errors.ts";
export { classicImage, classicProbe, type ClassicResult, type ClassicStep } from "./classic_image.ts";
export { classicStream } from "./classic_stream.ts";
export { classicWords } from "./classic_words.ts";
export {
  copySourceText,
  copySourceWords,
  downloadText,
  joinSourceWords,
  type CopySourceOptions,
  type SourceOrigin,
} from "./copy_source_text.ts";
export { expandInstruction, type Expansion } from "./expand_instruction.ts";
export type { ClassicFacts, TextFacts } from "./history_facts.ts";
export { machineOwnerNames, type OwnerNames } from "./owner_names.ts";
