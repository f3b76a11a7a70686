/** What both ways of sending a result to the client have in common (moby/buildkit, session/filesync). */
export const fileSend = "/moby.filesync.v1.FileSend/DiffCopy";

/** Newer clients tell the outputs of one build apart; undefined: the first. */
export function exporterMetadata(exporter: number | undefined): Record<string, string> {
  return exporter === undefined ? {} : { "buildkit-attachable-exporter-id": String(exporter) };
}
