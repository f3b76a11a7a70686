/** What a metric is: what there is to be told of it, and how it is read off what was counted. */
import type { Write } from "../../../rpc/index.ts";
import { metricTypes, type Metric as Told } from "../../protocol/index.ts";

/** A number, and what tells it from others of its metric. Undefined: this machine does not count it. */
export type Value = readonly [number: number | undefined, ...labels: string[]];

/** @typeParam T what was counted */
export interface Metric<T> {
  readonly name: string;
  readonly help: string;
  readonly type: number;
  /** Of the values, behind those that all metrics have. */
  readonly labels: readonly string[];
  values(counted: T): readonly Value[];
}

/** Labels that all metrics have. */
export const labelKeys = ["pod", "namespace", "container", "id", "image"] as const;

type Read<T> = (counted: T) => number | undefined;

/** Of one value that may go up and down. */
export function gauge<T>(name: string, help: string, read: Read<T>): Metric<T> {
  const values = (counted: T): Value[] => [[read(counted)]];
  return { name, help, type: metricTypes.gauge, labels: [], values };
}

/** Of one value that only goes up. */
export function counter<T>(name: string, help: string, read: Read<T>): Metric<T> {
  return { ...gauge(name, help, read), type: metricTypes.counter };
}

/** Counters with labels of their own. */
export function counters<T>(
  name: string,
  help: string,
  labels: readonly string[],
  values: Metric<T>["values"],
): Metric<T> {
  return { name, help, type: metricTypes.counter, labels, values };
}

/** @param labels by {@link labelKeys} */
export function told<T>(
  metrics: readonly Metric<T>[],
  counted: T,
  labels: readonly string[],
): Write<typeof Told>[] {
  return metrics.flatMap(({ name, type, values }) =>
    values(counted).flatMap(([value, ...own]) =>
      // Whole numbers are all that there is room for.
      value === undefined
        ? []
        : [
            {
              name,
              metricType: type,
              labelValues: [...labels, ...own],
              value: Math.max(Math.floor(value), 0),
            },
          ],
    ),
  );
}
