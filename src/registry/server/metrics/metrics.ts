/** Counters, gauges and histograms, and their text for Prometheus (exposition format 0.0.4). */

/** Values of the labels, in the order of their names. */
type LabelValues = readonly string[];

/** One name with its help and all its series. */
interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  lines(): Iterable<string>;
}

export class Counter {
  readonly #labels: readonly string[];
  readonly #series = new Map<string, { readonly values: LabelValues; count: number }>();

  constructor(labels: readonly string[]) {
    this.#labels = labels;
  }

  /** @param values as many as there are labels, and of few kinds: each combination is kept for good */
  add(amount: number, ...values: LabelValues): void {
    const key = values.join("\0");
    const series = this.#series.get(key);
    if (series === undefined) this.#series.set(key, { values, count: amount });
    else series.count += amount;
  }

  *lines(name: string): Iterable<string> {
    for (const { values, count } of this.#series.values()) {
      yield `${name}${labelText(this.#labels, values)} ${count}`;
    }
  }
}

/** Values that are set, by labels. */
export class Gauge {
  readonly #labels: readonly string[];
  readonly #series = new Map<string, { readonly values: LabelValues; value: number }>();

  constructor(labels: readonly string[]) {
    this.#labels = labels;
  }

  /** @param values as many as there are labels, and of few kinds */
  set(value: number, ...values: LabelValues): void {
    this.#series.set(values.join("\0"), { values, value });
  }

  *lines(name: string): Iterable<string> {
    for (const { values, value } of this.#series.values()) {
      yield `${name}${labelText(this.#labels, values)} ${value}`;
    }
  }
}

export class Histogram {
  readonly #labels: readonly string[];
  readonly #bounds: readonly number[];
  readonly #series = new Map<
    string,
    { readonly values: LabelValues; readonly counts: number[]; sum: number }
  >();

  /** @param bounds upper bounds, ascending */
  constructor(labels: readonly string[], bounds: readonly number[]) {
    this.#labels = labels;
    this.#bounds = bounds;
  }

  observe(amount: number, ...values: LabelValues): void {
    const key = values.join("\0");
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { values, counts: Array.from({ length: this.#bounds.length + 1 }, () => 0), sum: 0 };
      this.#series.set(key, series);
    }
    const found = this.#bounds.findIndex((bound) => amount <= bound);
    series.counts[found < 0 ? this.#bounds.length : found]! += 1;
    series.sum += amount;
  }

  *lines(name: string): Iterable<string> {
    for (const { values, counts, sum } of this.#series.values()) {
      let below = 0;
      for (const [index, count] of counts.entries()) {
        below += count;
        const bound = String(this.#bounds[index] ?? "+Inf");
        yield `${name}_bucket${labelText([...this.#labels, "le"], [...values, bound])} ${below}`;
      }
      yield `${name}_sum${labelText(this.#labels, values)} ${sum}`;
      yield `${name}_count${labelText(this.#labels, values)} ${below}`;
    }
  }
}

export class Metrics {
  readonly #families: Family[] = [];

  counter(name: string, help: string, labels: readonly string[] = []): Counter {
    const counter = new Counter(labels);
    this.#families.push({ name, help, type: "counter", lines: () => counter.lines(name) });
    return counter;
  }

  histogram(name: string, help: string, labels: readonly string[], bounds: readonly number[]): Histogram {
    const histogram = new Histogram(labels, bounds);
    this.#families.push({ name, help, type: "histogram", lines: () => histogram.lines(name) });
    return histogram;
  }

  gauges(name: string, help: string, labels: readonly string[]): Gauge {
    const gauge = new Gauge(labels);
    this.#families.push({ name, help, type: "gauge", lines: () => gauge.lines(name) });
    return gauge;
  }

  /** @param value asked when somebody reads */
  gauge(name: string, help: string, value: () => number): void {
    this.#families.push({ name, help, type: "gauge", lines: () => [`${name} ${value()}`] });
  }

  text(): string {
    const lines = this.#families.flatMap(({ name, help, type, lines }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...lines(),
    ]);
    return `${lines.join("\n")}\n`;
  }
}

function labelText(names: readonly string[], values: LabelValues): string {
  if (names.length === 0) return "";
  const pairs = names.map((name, index) => `${name}="${escaped(values[index] ?? "")}"`);
  return `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
