export { assembleTar, type AssembleOptions, type SplitFile } from "./assemble_tar.ts";
export { assembledSize } from "./assembled_size.ts";
export * from "./entry.ts";
export { packTar, type PackedEntry } from "./pack_tar.ts";
export { readTar, type ReadEntry } from "./read_tar.ts";
export { TarParser, type TarLimits, type TarParserOptions } from "./tar_parser.ts";
export { TarSplitWriter } from "./tar_split_writer.ts";
export { TarWriter, type TarWriterOptions } from "./tar_writer.ts";
