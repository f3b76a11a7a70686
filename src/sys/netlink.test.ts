/** What the kernel answers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import { askKernel, attribute, interfaceIndex, uint32 } from "./netlink.ts";
import { createNetworkNamespace, inNetworkNamespace, removeNetworkNamespace } from "./network_namespace.ts";

test("an attribute is padded, and says its own length", () => {
  assert.equal(attribute(3, Buffer.from("eth0\0")).toString("hex"), "090003006574683000000000");
  assert.equal(attribute(4, uint32(1400)).toString("hex"), "0800040078050000");
});

test("a request is done, or fails with the kernel's number", { skip: unlessRoot }, () => {
  using directory = scratch("netlink");
  const path = join(directory.path, "ns");
  createNetworkNamespace(path);
  try {
    inNetworkNamespace(path, () => {
      const loopback = interfaceIndex("lo");
      // RTM_NEWADDR, twice.
      const head = Buffer.from([2, 24, 0, 0, loopback, 0, 0, 0]);
      const address = Buffer.from([10, 9, 9, 9]);
      const payload = Buffer.concat([head, attribute(2, address), attribute(1, address)]);
      const request = { type: 20, flags: 0x600, payload, subject: "address 10.9.9.9" };
      askKernel([request]);
      assert.throws(() => askKernel([request]), { code: "EEXIST", message: /address 10\.9\.9\.9/ });
      assert.throws(() => interfaceIndex("nowhere"), { code: "ENODEV" });
    });
  } finally {
    removeNetworkNamespace(path);
  }
});
