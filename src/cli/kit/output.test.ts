/** Expected texts were printed by Docker's CLI 28.2.2 for dockerd 20.10.24 with the same rows. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { prettyJson } from "./json_text.ts";
import {
  renderInspect,
  renderList,
  renderRecord,
  type ListLayout,
  type ListStyle,
  type Row,
} from "./output.ts";

const images: ListLayout = {
  headers: { Repository: "REPOSITORY", Tag: "TAG", ID: "IMAGE ID", CreatedSince: "CREATED", Size: "SIZE" },
  table: "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
  typeName: "*formatter.imageContext",
};

const rows: Row[] = [
  ["very/long-repository-name", "tag", "14eed46ff2b7"],
  ["127.0.0.1:5000/a/b", "c", "d6ead2efe900"],
  ["base", "1", "d6ead2efe900"],
].map(([Repository, Tag, ID]) => ({
  Repository,
  Tag,
  ID,
  CreatedSince: "Less than a second ago",
  Size: "1.53MB",
  Digest: "<none>",
}));

const list = (style: ListStyle): string => renderList(rows, images, style);

describe("lists", () => {
  test("B089 the table of images is Docker's, to the byte", () => {
    assert.equal(
      list({}),
      `REPOSITORY                  TAG       IMAGE ID       CREATED                  SIZE
very/long-repository-name   tag       14eed46ff2b7   Less than a second ago   1.53MB
127.0.0.1:5000/a/b          c         d6ead2efe900   Less than a second ago   1.53MB
base                        1         d6ead2efe900   Less than a second ago   1.53MB
`,
    );
  });

  test("B081 the table of history pads all cells but the last, so an empty comment leaves blanks", () => {
    const history: ListLayout = {
      headers: { ID: "IMAGE", CreatedSince: "CREATED", CreatedBy: "CREATED BY" },
      table: "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
    };
    const age = "Less than a second ago";
    assert.equal(
      renderList(
        [
          {
            ID: "14eed46ff2b7",
            CreatedSince: age,
            CreatedBy: "/bin/sh -c #(nop)  ENV X=1",
            Size: "0B",
            Comment: "",
          },
          {
            ID: "32f4a801a05c",
            CreatedSince: age,
            CreatedBy: '/bin/sh -c echo 1 > /a && echo "<x>" >> /b',
            Size: "6B",
            Comment: "",
          },
          {
            ID: "d6ead2efe900",
            CreatedSince: age,
            CreatedBy: "",
            Size: "1.53MB",
            Comment: "Imported from -",
          },
        ],
        history,
      ),
      [
        "IMAGE          CREATED                  CREATED BY                                   SIZE      COMMENT",
        "14eed46ff2b7   Less than a second ago   /bin/sh -c #(nop)  ENV X=1                   0B        ",
        '32f4a801a05c   Less than a second ago   /bin/sh -c echo 1 > /a && echo "<x>" >> /b   6B        ',
        "d6ead2efe900   Less than a second ago                                                1.53MB    Imported from -",
        "",
      ].join("\n"),
    );
  });

  test("an empty list has its headings", () => {
    assert.equal(renderList([], images), "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n");
    assert.equal(renderList([], images, { format: "{{.ID}}" }), "");
    assert.equal(renderList([], images, { quiet: true }), "");
    assert.equal(renderList([], images, { json: true }), "[]\n");
  });

  test("a table template of the user has headings from its fields, whatever functions it uses", () => {
    assert.equal(
      list({ format: String.raw`table {{.ID}}\t{{upper .Repository}}\t{{.CreatedSince}} {{.Size}}` }),
      `IMAGE ID       REPOSITORY                  CREATED SIZE
14eed46ff2b7   VERY/LONG-REPOSITORY-NAME   Less than a second ago 1.53MB
d6ead2efe900   127.0.0.1:5000/A/B          Less than a second ago 1.53MB
d6ead2efe900   BASE                        Less than a second ago 1.53MB
`,
    );
    assert.equal(
      list({ format: "table {{json .ID}}|{{truncate .ID 3}}|{{pad .Tag 2 3}}|{{slice .ID 2}}|{{len .Tag}}" }),
      `IMAGE ID|IMAGE ID|  TAG   |AGE ID|3
"14eed46ff2b7"|14e|  tag   |eed46ff2b7|3
"d6ead2efe900"|d6e|  c   |ead2efe900|1
"d6ead2efe900"|d6e|  1   |ead2efe900|1
`,
    );
    assert.equal(list({ format: "table" }), list({}));
    assert.match(list({ format: "tableX{{.ID}}" }), /^XIMAGE ID\nX14eed46ff2b7\n/);
  });

  test("labels head their columns by the last part of their names", () => {
    const row: Row = { ID: "3a15a1e9587f", Label: (name: string) => (name === "a.b" ? "1" : "") };
    assert.equal(
      renderList(
        [row],
        { headers: { ID: "CONTAINER ID" }, table: "" },
        { format: String.raw`table {{.Label "a.b-c_d"}}\t{{.ID}}` },
      ),
      "b c d     CONTAINER ID\n          3a15a1e9587f\n",
    );
  });

  test("a template prints a line for each row", () => {
    assert.equal(
      list({ format: "{{.Repository}}:{{.Tag}}" }),
      "very/long-repository-name:tag\n127.0.0.1:5000/a/b:c\nbase:1\n",
    );
    assert.equal(list({ format: String.raw`  {{.Tag}}\n-` }), "tag\n-\nc\n-\n1\n-\n");
  });

  test("B089 --format json prints sorted keys and Go's escapes, a line for each row", () => {
    const line = String.raw`{"CreatedSince":"Less than a second ago","Digest":"\u003cnone\u003e","ID":"14eed46ff2b7","Repository":"very/long-repository-name","Size":"1.53MB","Tag":"tag"}`;
    assert.equal(list({ format: "json" }).split("\n")[0], line);
    assert.equal(list({ format: "{{json .}}" }), list({ format: "json" }));
    assert.equal(list({ format: "{{json .Digest}}" }).split("\n")[0], '"<none>"');
  });

  test("--json prints one array, with all fields in their order", () => {
    const parsed = JSON.parse(list({ json: true })) as Row[];
    assert.deepEqual(parsed, rows);
    assert.deepEqual(JSON.parse(list({ json: true, quiet: true })), [
      "14eed46ff2b7",
      "d6ead2efe900",
      "d6ead2efe900",
    ]);
  });

  test("-q prints one field, unless the user has a template", () => {
    assert.equal(list({ quiet: true }), "14eed46ff2b7\nd6ead2efe900\nd6ead2efe900\n");
    assert.equal(list({ quiet: true, format: "table" }), list({ quiet: true }));
    assert.equal(
      list({ quiet: true, format: "table {{.ID}} {{.Tag}}" }),
      "IMAGE ID TAG\n14eed46ff2b7 tag\nd6ead2efe900 c\nd6ead2efe900 1\n",
    );
    assert.equal(renderList(rows, { ...images, quietField: "Tag" }, { quiet: true }), "tag\nc\n1\n");
  });

  test("rows may be objects of a class with getters, and its methods are no JSON", () => {
    class Image {
      readonly ID = "a";
      get Size(): string {
        return "1B";
      }
      Label(name: string): string {
        return name;
      }
    }
    const row = new Image() as unknown as Row;
    assert.equal(renderList([row], images, { format: "json" }), '{"ID":"a","Size":"1B"}\n');
    assert.equal(renderList([row], images, { format: '{{.Size}} {{.Label "x"}}' }), "1B x\n");
  });

  const wrong: readonly [format: string, message: string][] = [
    [
      "{{.Foo}}",
      'template parsing error: template: :1:2: executing "" at <.Foo>: can\'t evaluate field Foo in type *formatter.imageContext',
    ],
    [
      "table {{.Foo}}",
      'template parsing error: template: :1:2: executing "" at <.Foo>: can\'t evaluate field Foo in type *formatter.imageContext',
    ],
    ["{{", "template parsing error: template: :1: unclosed action"],
    ["{{foo}}", 'template parsing error: template: :1: function "foo" not defined'],
  ];
  for (const [format, message] of wrong) {
    test(`B089 the format ${format} is refused in Docker's words`, () => {
      assert.throws(() => list({ format }), { name: "Failure", kind: "invalid", message });
    });
  }

  test("bad syntax is refused even when there is nothing to print", () => {
    assert.throws(() => renderList([], images, { format: "{{foo}}" }), { kind: "invalid" });
  });
});

describe("inspect", () => {
  const record = {
    Id: "sha256:1",
    Cmd: ["sh", "-c", "a && b > c"],
    Volumes: null,
    Labels: {},
    RepoDigests: [],
  };

  test("prints an array indented by four, without Go's escapes", () => {
    assert.equal(
      renderInspect([record]),
      `[
    {
        "Id": "sha256:1",
        "Cmd": [
            "sh",
            "-c",
            "a && b > c"
        ],
        "Volumes": null,
        "Labels": {},
        "RepoDigests": []
    }
]
`,
    );
    assert.equal(renderInspect([]), "[]\n");
  });

  test("--format json prints the array on one line", () => {
    assert.equal(renderInspect([{ a: "<" }, { b: 1 }], "json"), '[{"a":"<"},{"b":1}]\n');
  });

  test("a template prints a line for each record", () => {
    assert.equal(
      renderInspect([record, record], "{{.Id}}{{json .Cmd}}"),
      'sha256:1["sh","-c","a && b > c"]\n'.repeat(2),
    );
    assert.equal(renderInspect([record], "{{.Labels.foo}}"), "<no value>\n");
    assert.throws(() => renderInspect([record], "{{.Foo}}"), {
      message:
        'template parsing error: template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"',
    });
  });

  test("texts with brackets, quotes and escapes stay whole", () => {
    const text = 'a{b}[c],:"\\u003c"\\\\u003c\n\u2028<';
    assert.equal((JSON.parse(prettyJson({ x: text })) as { x: string }).x, text);
    assert.match(prettyJson({ x: text }), /<"\n\}$/);
  });
});

test("a single record prints by template or JSON, or leaves its own layout to the command", () => {
  const info = { Driver: "overlay2", Images: 2 };
  assert.equal(renderRecord(info, {}), undefined);
  assert.equal(renderRecord(info, { format: "{{.Driver}} {{.Images}}" }), "overlay2 2\n");
  assert.equal(renderRecord(info, { format: "json" }), '{"Driver":"overlay2","Images":2}\n');
  assert.deepEqual(JSON.parse(renderRecord(info, { json: true }) as string), info);
  assert.throws(() => renderRecord(info, { format: "{{.Foo}}" }, "system.dockerInfo"), {
    message: /can't evaluate field Foo in type system\.dockerInfo$/,
  });
});
