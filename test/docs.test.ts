/** The documentation says what the code does, as far as the two can be compared. */
import { assert, describe, it } from "@effect/vitest"
import * as stable from "@opentelemetry/semantic-conventions"
import * as incubating from "@opentelemetry/semantic-conventions/incubating"
import { Effect } from "effect"
import { existsSync, globSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { faultOf } from "../src/domain/Fault.ts"
import { type GatewayError, SubmissionRejected, TooManyConnections } from "../src/domain/GatewayError.ts"
import * as SmtpReply from "../src/domain/SmtpReply.ts"
import { allSettings } from "../src/layers/config/settings.ts"
import { plainText, wordingOf } from "../src/layers/smtp/wording.ts"
import { roleOf } from "../src/programs/migrate/variables.ts"
import { ERROR_REPLIES } from "./kit/gatewayErrors.ts"
import { documentedEvents, eventHeadings, loggedEvents } from "./kit/logEvents.ts"
import { metricDeclarations, metricNames } from "./kit/metricDeclarations.ts"
import { smtpPort, smtpServerWith } from "./kit/SmtpServerKit.ts"
import { openLoggedInWire, openSecureWire, openWire } from "./kit/SmtpWire.ts"

const read = (path: string): string => readFileSync(path, "utf8")

const PAGES = ["README.md", ...globSync("docs/**/*.md")]

describe("docs/smtp-replies.md", () => {
  interface Row {
    readonly status: string
    readonly text: RegExp
    /** Tag of the error; absent for a reply that no error leads to. */
    readonly tag: string | undefined
  }

  const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

  /** `<...>` in a text stands for whatever differs from reply to reply. */
  const rows = [...read("docs/smtp-replies.md").matchAll(/^\| `([\d. ]+)` \| `([^`]+)` \| (?:`(\w+)`|–) \|/gm)].map(
    ([, status = "", text = "", tag]): Row => ({
      status,
      text: new RegExp(
        `^${text
          .split(/<[^>]+>/)
          .map(escaped)
          .join(".+")}$`
      ),
      tag
    })
  )

  const statusOf = ({ code, enhanced }: SmtpReply.SmtpReply): string => `${code} ${enhanced}`.trim()

  const isRowOf = (row: Row, reply: SmtpReply.SmtpReply): boolean =>
    row.status === statusOf(reply) && row.text.test(reply.text)

  const samples: ReadonlyArray<GatewayError> = [
    ...Object.values(ERROR_REPLIES).map(([error]) => error),
    ...(["recipient", "policy", "content"] as const).map(
      (subject) => new SubmissionRejected({ subject, reason: "no", status: 400 })
    )
  ]

  it("has every error with its code, enhanced code and text", () => {
    for (const error of samples) {
      const reply = SmtpReply.fromError(error)
      const found = rows.some((row) => row.tag === error._tag && isRowOf(row, reply))
      assert.isTrue(found, `${error._tag}: ${statusOf(reply)} ${reply.text}`)
    }
  })

  it("has nothing of an error that the error does not say", () => {
    for (const row of rows) {
      if (row.tag === undefined) continue
      const said = samples.some((error) => error._tag === row.tag && isRowOf(row, SmtpReply.fromError(error)))
      assert.isTrue(said, `${row.tag}: ${row.status} ${row.text.source}`)
    }
  })

  it("has the replies that no error leads to", () => {
    const receipt = { recipient: "you@example.com", messageId: "id-1" }
    const replies = [
      SmtpReply.secured,
      SmtpReply.authenticated,
      SmtpReply.senderAccepted,
      SmtpReply.recipientAccepted,
      SmtpReply.badBase64,
      SmtpReply.lineTooLong,
      SmtpReply.tooManyErrors,
      SmtpReply.notImplemented,
      SmtpReply.unknownParameter("RET"),
      SmtpReply.accepted({ receipts: [receipt] }, undefined),
      SmtpReply.accepted({ receipts: [receipt, receipt] }, undefined)
    ]
    for (const reply of replies) {
      assert.isTrue(
        rows.some((row) => isRowOf(row, reply)),
        `${statusOf(reply)} ${reply.text}`
      )
    }
  })

  it("has what the smtp-server package says of itself", () => {
    const source = ["smtp-connection.js", "sasl.js"]
      .map((file) => read(join("node_modules/smtp-server/dist/esm", file)))
      .join("\n")
    const said = [...source.matchAll(/\.send\((\d{3}), '([^']+)'[,)]/g)].map(([, code = "", text = ""]) => ({
      code,
      text
    }))
    assert.isAbove(said.length, 30)
    for (const { code, text } of said) {
      if (NEVER_SAID.has(text)) continue
      const wording = wordingOf(text)
      const status = wording === undefined ? code : `${code} ${wording.enhanced}`
      const shown = wording?.text ?? plainText(text)
      const found = rows.some((row) => `${row.status} `.startsWith(`${status} `) && row.text.test(shown))
      assert.isTrue(found, `${status} ${shown}`)
    }
  })

  it.live("has whatever a client is told over the wire", () =>
    Effect.gen(function* () {
      const port = yield* smtpPort
      const told: Array<readonly [line: string, reply: string]> = []
      const open = { plain: openWire(port), secure: openSecureWire(port), "logged in": openLoggedInWire(port) }
      for (const [state, lines] of CONVERSATIONS) {
        const wire = yield* open[state]
        if (state === "plain") told.push(["connect", (yield* wire.reply).raw])
        for (const line of lines) {
          const { raw } = yield* wire.ask(line)
          // Of an answer to EHLO, the name alone; a challenge may be empty.
          const reply = raw.split("\n")[0]?.replace(/^(\d{3})-/, "$1 ") ?? ""
          if (reply.trim() !== "334") told.push([line, reply])
        }
      }
      for (const [line, reply] of told) {
        const found = rows.some(
          ({ status, text }) => reply.startsWith(`${status} `) && text.test(reply.slice(status.length + 1))
        )
        assert.isTrue(found, `${line} -> ${reply}`)
      }
    }).pipe(Effect.provide(smtpServerWith()))
  )
})

/** Belong to mechanisms, extensions and modes that are off, or stand where a reply of ours goes out. */
const NEVER_SAID: ReadonlySet<string> = new Set([
  "Accepted",
  "Error: Bad ORCPT parameter syntax",
  "Error: Bad command parameter syntax",
  "Error: Mail transaction in progress",
  "Error: Must issue a STARTTLS command first",
  "Error: NOTIFY parameter must be NEVER, SUCCESS, FAILURE, or DELAY",
  "Error: NOTIFY=NEVER cannot be combined with other values",
  "Error: Not allowed",
  "Error: Username and Password not accepted",
  "Error: syntax: AUTH CRAM-MD5",
  "Error: syntax: AUTH XOAUTH2 token",
  "Error: too many recipients",
  "Can not kill Mom",
  "Error: Invoking shell is not allowed. This incident will be reported.",
  "Mere mortals must not mutter that mantra",
  "Please pass, oh mighty wizard",
  "You are no wizard!"
])

const BASE64 = Buffer.from("anything").toString("base64")

const CONVERSATIONS: ReadonlyArray<readonly [state: "plain" | "secure" | "logged in", lines: ReadonlyArray<string>]> = [
  ["plain", ["MAIL FROM:<a@example.com>", "EHLO", `EHLO ${"x".repeat(400)}`, "HELO", "HELO client.example.com"]],
  ["plain", ["EHLO client.example.com", "AUTH PLAIN", "MAIL FROM:<a@example.com>", "NOOP", "RSET", "VRFY", "VRFY a"]],
  ["plain", ["EXPN a", "HELP", "BDAT 1", "XCLIENT NAME=a", "STARTTLS now", `NOOP ${"x".repeat(2100)}`, "QUIT"]],
  ["plain", ["GET / HTTP/1.1"]],
  ["plain", [`AUTH PLAIN ${"A".repeat(13_000)}`]],
  ["plain", Array.from({ length: 10 }, () => "FOO")],
  ["plain", ["EHLO client.example.com", ...Array.from({ length: 49 }, () => "NOOP")]],
  ["secure", ["STARTTLS", "MAIL FROM:<a@example.com>", "AUTH CRAM-MD5", `AUTH PLAIN ${BASE64}`, "AUTH PLAIN ?"]],
  ["secure", [`AUTH PLAIN ${BASE64} ${BASE64}`, `AUTH LOGIN ${BASE64} ${BASE64}`, "AUTH LOGIN =", "AUTH LOGIN", "*"]],
  ["secure", ["AUTH LOGIN", BASE64, Buffer.from("wrong").toString("base64")]],
  ["logged in", [`AUTH PLAIN ${BASE64}`, "RCPT TO:<a@example.com>", "DATA", "MAIL FROM:a b", "RCPT TO:<>"]],
  ["logged in", ["MAIL FROM:<a@example.com> SIZE", "MAIL FROM:<a@example.com> SIZE=x", "MAIL FROM:<> BODY=BINARY"]],
  [
    "logged in",
    ["MAIL FROM:<> SIZE=99999999", "MAIL FROM:<> SIZE=1 SIZE=2", "MAIL FROM:<> SMTPUTF8=1", "MAIL FROM:<> RET=HDRS"]
  ],
  ["logged in", ["MAIL FROM:<>", "MAIL FROM:<>", "RCPT TO:<a@example.com>", "DATA", "Subject: Hello\r\n\r\nhello\r\n."]]
]

describe("docs/metrics.md", () => {
  const page = read("docs/metrics.md")

  const sections = new Map(page.split(/^### /m).map((section) => [/^`(\w+)`/.exec(section)?.[1] ?? "", section]))

  const listed = (text: string | undefined): ReadonlyArray<string> =>
    (text ?? "")
      .split(",")
      .map((item) => item.replace(/[`]/g, "").trim())
      .filter((item) => item !== "")

  interface Summary {
    readonly name: string
    readonly type: string
    readonly labels: ReadonlyArray<string>
    readonly buckets: ReadonlyArray<number>
  }

  const byName = (metrics: ReadonlyArray<Summary>): ReadonlyArray<Summary> =>
    metrics.toSorted((one, other) => one.name.localeCompare(other.name))

  const documented = [
    ...page.matchAll(
      /^### `(\w+)`\n\n(Counter|Gauge|Histogram)\.(?: Labels: ([^.]+)\.)?(?: Buckets: ([\d., ]+)\.)?\n\n./gm
    )
  ].map(([, name = "", type = "", labels, buckets]): Summary => ({
    name,
    type: type.toLowerCase(),
    labels: listed(labels),
    buckets: listed(buckets).map(Number)
  }))

  it("has every metric of the source with its type, labels and buckets, and no other", () => {
    const declared = metricDeclarations.map(({ buckets, labels, name, type }): Summary => ({
      name,
      type,
      labels: Object.keys(labels),
      buckets
    }))
    assert.deepStrictEqual(byName(documented), byName(declared))
  })

  it("is compared with all declarations, however they are written", () => {
    const declared = metricDeclarations.map(({ name }) => name)
    assert.deepStrictEqual([...metricNames].toSorted(), declared.toSorted(), "each is declared once")
    assert.isAbove(declared.length, 20)
    for (const { labels, name } of metricDeclarations) {
      for (const [label, values] of Object.entries(labels)) assert.isAbove(values.length, 0, `${name}: ${label}`)
    }
  })

  it("explains every value that a label can have", () => {
    const replies = read("docs/smtp-replies.md")
    for (const { labels, name } of metricDeclarations) {
      for (const [label, values] of Object.entries(labels)) {
        for (const value of values) {
          // Those of HTTP are explained elsewhere, and those that name an error on the page of replies.
          if (/^[2-5](?:\d\d|xx)$/.test(value)) continue
          const pages = `${sections.get(name)}${label === "error_type" ? replies : ""}`
          assert.include(pages, `\`${value}\``, `${name}{${label}}`)
        }
      }
    }
  })

  it("says of every error whose fault it is", () => {
    const section = /^### `smtp_errors_total`.*?^### /ms.exec(page)?.[0] ?? ""
    const paragraph = {
      sender: /^- `sender`: .*?\n(?=- )/ms.exec(section)?.[0],
      service: /^- `service`: .*?\n\n/ms.exec(section)?.[0]
    }
    const errors: ReadonlyArray<GatewayError> = [
      ...Object.values(ERROR_REPLIES).map(([error]) => error),
      new TooManyConnections({ limit: "process" })
    ]
    for (const error of errors) {
      const name = `\`${error._tag}\``
      assert.include(paragraph[faultOf(error)], name)
    }
    const named = [paragraph.sender, paragraph.service].flatMap((text) => [...(text ?? "").matchAll(/`([A-Z]\w+)`/g)])
    assert.strictEqual(named.length, errors.length)
  })

  it("says of each metric what it means that it moves", () => {
    for (const { name } of metricDeclarations) assert.include(sections.get(name), "*When it moves:*", name)
  })
})

describe("docs/testing.md", () => {
  it("names every file of test/kit", () => {
    const page = read("docs/testing.md")
    for (const path of globSync("test/kit/*.ts")) assert.include(page, `\`${basename(path)}\``)
  })
})

describe("docs/logs.md", () => {
  it("has every event of the source with its levels, and no other", () => {
    // The logger's own, at whatever level the line had that it stands for.
    const unlogged = new Set(["unloggable_event"])
    assert.deepStrictEqual(
      eventHeadings.filter((name) => !unlogged.has(name)).toSorted(),
      [...loggedEvents.keys()].toSorted()
    )
    assert.isAbove(loggedEvents.size, 40)
    for (const [name, levels] of loggedEvents) {
      assert.deepStrictEqual([...(documentedEvents.get(name)?.levels ?? [])].toSorted(), [...levels].toSorted(), name)
    }
  })

  it("has an example with the fields that it tells of", () => {
    const example: unknown = JSON.parse(/^```json\n(.*?)^```$/ms.exec(read("docs/logs.md"))?.[1] ?? "")
    const fields = Object.keys(example as object)
    assert.includeMembers([...(documentedEvents.get("email_received")?.fields ?? [])], fields)
  })
})

describe("docs/tracing.md", () => {
  const page = read("docs/tracing.md")
  const sources = globSync("src/**/*.ts").map(read).join("\n")

  it("has every span of the source, and no other", () => {
    const drawn = [
      ...page.matchAll(/^(?:[│ ├└─]* )?([A-Za-z]+(?: [a-z]+)?) {2,}.* (?:server|internal|client|consumer)$/gm)
    ]
    const made = [...sources.matchAll(/(?:inSpan\(\s*"|"(?=SMTP session|SMTP message))([^"]+)"/g)]
    const names = (found: ReadonlyArray<RegExpExecArray>) => [...new Set(found.map(([, name = ""]) => name))].toSorted()
    assert.isAbove(made.length, 5)
    assert.deepStrictEqual(names(drawn), names(made))
  })

  it("has every attribute of the source, and no other", () => {
    const listed = [...page.matchAll(/^\| ((?:`[a-z_.]+`(?:, )?)+) \| [^|]+ \| [^|]+ \|$/gm)]
      .flatMap(([, cell = ""]) => [...cell.matchAll(/`([a-z_.]+)`/g)])
      .map(([, name = ""]) => name)
    const set = [...sources.matchAll(/(?:\battribute\(|[{,(]|^)\s*"((?:[a-z]+\.)+[a-z_]+)"(?=[:,])/gm)].map(
      ([, name = ""]) => name
    )
    const own = set.filter((name) =>
      /^(?:smtp|cakemail|client|server|network|tls|messaging|http|url|error)\./.test(name)
    )
    assert.isAbove(own.length, 15)
    assert.deepStrictEqual(listed.toSorted(), [...new Set(["correlation_id", ...own])].toSorted())
  })

  it("names attributes as the conventions do, where they have them", () => {
    const conventions = new Set<unknown>(Object.values({ ...stable, ...incubating }))
    const listed = [...page.matchAll(/`((?:client|server|network|tls|messaging|http|url|error)\.[a-z_.]+)`/g)]
    assert.isAbove(listed.length, 10)
    for (const [, name] of listed) assert.isTrue(conventions.has(name), name)
  })
})

describe("deploy", () => {
  const asked = [...globSync("deploy/grafana/**/*.json"), ...globSync("deploy/prometheus/*.{yml,yaml}")]
  const dashboards = globSync("deploy/grafana/**/*.json").map(read).join("\n")
  const declared = new Set(metricDeclarations.map(({ name }) => name))

  it.skipIf(asked.length === 0)("asks for metrics that exist", () => {
    for (const path of asked) {
      // What a recording rule makes is named level:metric:operations.
      for (const [name] of read(path).matchAll(/(?<![\w:])(?:smtp|tls)_\w+(?![\w:])/g)) {
        const isDeclared = declared.has(name) || declared.has(name.replace(/_(?:bucket|sum|count)$/, ""))
        assert.isTrue(isDeclared, `${path}: ${name}`)
      }
    }
  })

  it.skipIf(dashboards === "")("shows every metric on a dashboard", () => {
    for (const name of declared) {
      const shown = new RegExp(`\\b${name}(?:_bucket|_sum|_count)?\\b`)
      assert.match(dashboards, shown, `give ${name} a place in deploy/grafana/dashboard, then npm run dashboard`)
    }
  })
})

describe("all pages", () => {
  for (const page of PAGES) {
    const text = read(page)

    it(`${page} links to what is there`, () => {
      for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (target.includes("://")) continue
        const [path = "", anchor] = target.split("#")
        const linked = path === "" ? page : join(dirname(page), path)
        assert.isTrue(existsSync(linked), target)
        if (anchor !== undefined) assert.include(anchorsOf(read(linked)), anchor)
      }
    })

    it(`${page} names files and commands that exist`, () => {
      for (const [, path = ""] of text.matchAll(/`((?:src|test|docs|deploy|bench|\.ci)\/[\w./-]+)`/g))
        assert.isTrue(existsSync(path), path)
      const { scripts } = JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> }
      for (const [, script = ""] of text.matchAll(/npm run ([a-z:]+)/g)) assert.property(scripts, script)
    })

    it(`${page} names settings that exist`, () => {
      for (const [name] of text.matchAll(/\b[A-Z]+(?:_[A-Z]+)+\b/g)) {
        assert.isTrue(
          [SETTING_NAMES, NO_SETTINGS].some((names) => names.has(name.replace(/_FILE$/, ""))) ||
            // Those of applications, which the command migrate reads.
            (page === "docs/migration.md" && roleOf(name) !== undefined),
          name
        )
      }
    })
  }

  it("docs/testing.md shows examples as they are in the suite", () => {
    const blocks = [...read("docs/testing.md").matchAll(/^<!-- example: (\S+) -->\n+```ts\n(.*?)^```$/gms)]
    assert.isAbove(blocks.length, 1)
    for (const [, path = "", block] of blocks) assert.strictEqual(block, read(path), path)
  })
})

/** Those of the table, and those that a command reads for itself. */
const SETTING_NAMES: ReadonlySet<string> = new Set([
  ...allSettings.map(({ name }) => name),
  ...globSync("src/programs/*.ts").flatMap((path) =>
    [...read(path).matchAll(/readSetting\("(\w+)"\)/g)].map(([, name = ""]) => name)
  )
])

/** In capitals with an underscore, and something else. */
const NO_SETTINGS: ReadonlySet<string> = new Set([
  "CAP_NET_BIND_SERVICE",
  "CERT_NONE",
  "ENCRYPTION_STARTTLS",
  "FUZZ_SECONDS",
  "FUZZ_SEED",
  "MALLOC_ARENA_MAX",
  "MALLOC_MMAP_THRESHOLD_",
  "MALLOC_TRIM_THRESHOLD_",
  "NAME",
  "NET_BIND_SERVICE",
  "REGISTRY_PASSWORD",
  "REGISTRY_USERNAME",
  "RENEWED_LINEAGE",
  "SMTP_PASSWORD"
])

const anchorsOf = (markdown: string): ReadonlyArray<string> =>
  [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replace(/\s/g, "-")
  )

describe("docs/decisions", () => {
  const files = globSync("docs/decisions/*.md")
    .map((path) => path.slice("docs/decisions/".length))
    .toSorted()

  it("are numbered without a gap", () => {
    files.forEach((file, index) => assert.isTrue(file.startsWith(`${String(index + 1).padStart(4, "0")}-`), file))
    assert.isAbove(files.length, 14)
  })

  it("tell context, choice and consequences under their number", () => {
    for (const file of files) {
      const text = read(`docs/decisions/${file}`)
      assert.isTrue(text.startsWith(`# ${Number(file.slice(0, 4))}. `), file)
      for (const part of ["Context", "Choice", "Consequences"]) assert.include(text, `\n**${part}.** `, file)
    }
  })
})
