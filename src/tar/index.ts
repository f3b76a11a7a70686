export * from "./entry.ts";
export { packTar, type PackedEntry } from "./pack_tar.ts";
export { readTar, type ReadEntry } from "./read_tar.ts";
export { TarParser, type TarLimits, type TarParserOptions } from "./tar_parser.ts";
export { TarWriter, type TarWriterOptions } from "./tar_writer.ts";
