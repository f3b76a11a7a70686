/** Where commands see here-documents that are executed as files, as in BuildKit. */
export const scriptsDirectory = "/dev/pipes";
