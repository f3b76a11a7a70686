import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics } from "./metrics.ts";
import { routeLabel } from "./route_label.ts";

test("Prometheus' text", () => {
  const metrics = new Metrics();
  const counter = metrics.counter("a_total", "As", ["kind"]);
  counter.add(2, 'x"\\\n');
  counter.add(1, 'x"\\\n');
  const histogram = metrics.histogram("b_seconds", "Bs", [], [0.1, 1]);
  for (const value of [0.1, 0.5, 7]) histogram.observe(value);
  metrics.gauge("c", "Cs", () => 5);
  assert.equal(
    metrics.text(),
    `# HELP a_total As
# TYPE a_total counter
a_total{kind="x\\"\\\\\\n"} 3
# HELP b_seconds Bs
# TYPE b_seconds histogram
b_seconds_bucket{le="0.1"} 1
b_seconds_bucket{le="1"} 2
b_seconds_bucket{le="+Inf"} 3
b_seconds_sum 7.6
b_seconds_count 3
# HELP c Cs
# TYPE c gauge
c 5
`,
  );
});

const labels: readonly (readonly [string, string])[] = [
  ["/v2/", "base"],
  ["/v2", "base"],
  ["/v2/_catalog", "catalog"],
  ["/v2/a/b/tags/list", "tags"],
  ["/v2/a/manifests/latest", "manifest"],
  ["/v2/a/manifests/manifests/v1", "manifest"],
  ["/v2/a/blobs/sha256:00", "blob"],
  ["/v2/a/blobs/uploads", "upload"],
  ["/v2/a/blobs/uploads/", "upload"],
  ["/v2/a/blobs/uploads/1-2", "upload"],
  ["/v2/a/referrers/sha256:00", "referrers"],
  ["/healthz", "health"],
  ["/admin.php", "other"],
  ["/v2/a/../../etc/passwd", "other"],
];

for (const [path, label] of labels) {
  test(`${path} counts as ${label}`, () => assert.equal(routeLabel(path), label));
}
