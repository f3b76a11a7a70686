/** The log: one line an event, as text for people (logfmt, as distribution's) or as JSON for programs. */

export type Level = "error" | "warn" | "info" | "debug";
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface LoggerOptions {
  /** `logstash` is JSON with that program's names. */
  readonly format: "text" | "json" | "logstash";
  /** What is less severe is left out. */
  readonly level: Level;
  /** In every line. */
  readonly fields: LogFields;
  readonly write: (line: string) => void;
  /** Default: now. */
  readonly now?: () => Date;
}

const severity: Readonly<Record<Level, number>> = { error: 0, warn: 1, info: 2, debug: 3 };

export class Logger {
  readonly #options: LoggerOptions;

  constructor(options: LoggerOptions) {
    this.#options = options;
  }

  log(level: Level, message: string, fields: LogFields = {}): void {
    if (severity[level] > severity[this.#options.level]) return;
    const time = (this.#options.now?.() ?? new Date()).toISOString();
    const all = { ...this.#options.fields, ...fields };
    switch (this.#options.format) {
      case "text":
        return this.#write(textLine({ time, level, msg: message, ...all }));
      case "json":
        return this.#write(JSON.stringify({ time, level, msg: message, ...all }));
      case "logstash":
        return this.#write(
          JSON.stringify({ "@timestamp": time, "@version": "1", level, message, type: "registry", ...all }),
        );
    }
  }

  error(message: string, fields?: LogFields): void {
    this.log("error", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.log("warn", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.log("info", message, fields);
  }

  #write(line: string): void {
    this.#options.write(`${line}\n`);
  }
}

function textLine(fields: LogFields): string {
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined);
  return shown.map(([key, value]) => `${key}=${quoted(String(value))}`).join(" ");
}

/** Quoted unless it is one plain word: a client's User-Agent must not begin a line or a field of its own. */
function quoted(value: string): string {
  return /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value).replace(/[\x7f-\x9f\u2028\u2029]/g, "?");
}
