import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, DateTime, Duration, Effect, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { readGatewaySettings } from "../../../src/layers/config/GatewayConfigLive.ts"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { ConfigProvider } from "effect"
import { LoggerLive, LogOutput } from "../../../src/layers/telemetry/LoggerLive.ts"
import { MetricsPrometheus } from "../../../src/layers/telemetry/MetricsPrometheus.ts"
import { GatewayConfig } from "../../../src/services/GatewayConfig.ts"

/** What the effect logs, as one text; the logger's scope is closed when this ends, so nothing is left unwritten. */
const logged = Effect.fnUntraced(function* (
  effect: Effect.Effect<unknown>,
  options: { readonly env?: Record<string, string>; readonly isTerminal?: boolean } = {}
) {
  let output = ""
  const layer = LoggerLive.pipe(
    Layer.provide([
      configLayer(options.env ?? {}),
      MetricsPrometheus,
      Layer.succeed(LogOutput, {
        sink: (chunk, done) => {
          output += chunk
          done(true)
        },
        isTerminal: options.isTerminal ?? false
      })
    ])
  )
  yield* Effect.provide(effect, layer)
  return output
})

const configLayer = (env: Record<string, string>) =>
  Layer.effect(GatewayConfig, readGatewaySettings).pipe(
    Layer.provide([NodeFileSystem.layer, ConfigProvider.layer(ConfigProvider.fromEnvRecord(env))])
  )

const loggedJson = (effect: Effect.Effect<unknown>, env: Record<string, string> = {}) =>
  Effect.map(logged(effect, { env }), (output) =>
    output
      .split("\n")
      .slice(0, -1)
      .map((line): Record<string, unknown> => JSON.parse(line))
  )

class Refused extends Data.TaggedError("Refused")<{ readonly message: string }> {}

describe("JsonLogger", () => {
  it.effect("one line an event: timestamp, level, event, annotations and fields", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2030, 0, 2, 3, 4, 5, 67))
      const output = yield* logged(
        Effect.logInfo("mail_accepted", { recipients: 3, sender: "a@example.com" }).pipe(
          Effect.andThen(Effect.logWarning("mail_late")),
          Effect.annotateLogs({ correlation_id: "c1" })
        )
      )
      assert.strictEqual(
        output,
        '{"timestamp":"2030-01-02T03:04:05.067Z","level":"info","event":"mail_accepted","correlation_id":"c1","recipients":3,"sender":"a@example.com"}\n' +
          '{"timestamp":"2030-01-02T03:04:05.067Z","level":"warn","event":"mail_late","correlation_id":"c1"}\n'
      )
    })
  )

  it.effect("any value is safe", () =>
    Effect.gen(function* () {
      const circle: Record<string, unknown> = { name: "circle" }
      circle["self"] = circle
      const [line] = yield* loggedJson(
        Effect.logInfo("values", {
          bigint: 12_345_678_901_234_567_890n,
          date: new Date(0),
          noDate: new Date(Number.NaN),
          secret: Redacted.make("hunter2"),
          nested: { secret: Redacted.make("hunter2"), list: [1, undefined, "x"] },
          error: new TypeError("odd"),
          tagged: new Refused({ message: "no" }),
          bytes: new Uint8Array(7),
          nan: Number.NaN,
          nothing: undefined,
          nil: null,
          symbol: Symbol("s"),
          callback: () => 1,
          duration: Duration.seconds(1),
          set: new Set(["a"]),
          circle
        })
      )
      assert.notInclude(JSON.stringify(line), "hunter2")
      assert.deepInclude(line, {
        bigint: "12345678901234567890",
        date: "1970-01-01T00:00:00.000Z",
        noDate: "Invalid Date",
        secret: "<redacted>",
        nested: { secret: "<redacted>", list: [1, null, "x"] },
        error: "TypeError",
        tagged: "Refused: no",
        bytes: "[7 bytes]",
        nan: "NaN",
        nil: null,
        symbol: "Symbol(s)",
        callback: "[function]",
        set: ["a"]
      })
      assert.notProperty(line, "nothing")
      assert.property(line, "circle")
      assert.property(line, "duration")
    })
  )

  it.effect("an object that throws when looked at costs its own line only", () =>
    Effect.gen(function* () {
      const hostile = {
        get field(): string {
          throw new Error("do not look")
        }
      }
      const events = yield* loggedJson(
        Effect.logInfo("before").pipe(
          Effect.andThen(Effect.logInfo("hostile", { hostile })),
          Effect.andThen(Effect.logInfo("after"))
        )
      )
      assert.deepStrictEqual(
        events.map(({ event }) => event),
        ["before", "unloggable_event", "after"]
      )
    })
  )

  it.effect("nothing in a value ends the line", () =>
    Effect.gen(function* () {
      const evil = 'a\r\nb\u0000\u0007\u001b[31m\u0085\u2028\u2029\u009b"\\'
      const output = yield* logged(Effect.logInfo(evil, { evil, [evil]: 1 }))
      assert.match(output, /^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+\n$/)
      assert.deepInclude(JSON.parse(output), { event: evil, evil, [evil]: 1 })
    })
  )

  it.effect("long texts are cut", () =>
    Effect.gen(function* () {
      const [line] = yield* loggedJson(Effect.logInfo("long", { text: "x".repeat(5000), short: "y".repeat(2000) }))
      assert.strictEqual(line?.["text"], `${"x".repeat(1997)}...`)
      assert.strictEqual(line?.["short"], "y".repeat(2000))
    })
  )

  it.effect("a cause is told beside the event; fields never replace what is the logger's", () =>
    Effect.gen(function* () {
      const [line, plain] = yield* loggedJson(
        Effect.logError("defect", Cause.die(new RangeError("off by one")), { level: "fine", event: "none" }).pipe(
          Effect.andThen(Effect.logInfo("call_failed", { cause: "connect ECONNREFUSED" }))
        )
      )
      assert.deepInclude(line, { level: "error", event: "defect", field_level: "fine", field_event: "none" })
      assert.match(String(line?.["cause"]), /^RangeError\n {4}at .*loggers\.test\.ts:\d+:\d+\)?$/m)
      assert.strictEqual(plain?.["cause"], "connect ECONNREFUSED")
    })
  )

  it.effect("trace ids while a sampled span is open", () =>
    Effect.gen(function* () {
      const [sampled, unsampled, none] = yield* loggedJson(
        Effect.all(
          [
            Effect.logInfo("in").pipe(Effect.withSpan("session", { root: true, sampled: true })),
            Effect.logInfo("out").pipe(Effect.withSpan("session", { root: true, sampled: false })),
            Effect.logInfo("none")
          ],
          { discard: true }
        )
      )
      assert.match(String(sampled?.["trace_id"]), /^[0-9a-f]{32}$/)
      assert.match(String(sampled?.["span_id"]), /^[0-9a-f]{16}$/)
      assert.notProperty(unsampled, "trace_id")
      assert.notProperty(none, "trace_id")
    })
  )

  it.effect("LOG_LEVEL decides what is logged", () =>
    Effect.gen(function* () {
      const all = Effect.all([
        Effect.logDebug("debug"),
        Effect.logInfo("info"),
        Effect.logWarning("warn"),
        Effect.logError("error"),
        Effect.logFatal("fatal")
      ])
      const events = (level: string) =>
        Effect.map(loggedJson(all, { LOG_LEVEL: level }), (lines) => lines.map((line) => line["level"]))
      assert.deepStrictEqual(yield* events("debug"), ["debug", "info", "warn", "error", "fatal"])
      assert.deepStrictEqual(yield* events("INFO"), ["info", "warn", "error", "fatal"])
      assert.deepStrictEqual(yield* events("WARNING"), ["warn", "error", "fatal"])
      assert.deepStrictEqual(yield* events("ERROR"), ["error", "fatal"])
    })
  )
})

describe("what stays out of the log", () => {
  it.effect("the text of a defect, and of what caused it: nobody knows what they hold", () =>
    Effect.gen(function* () {
      const odd = new Error("hunter2\n    at hunter2 (hunter2:1:1)x", { cause: new Error("hunter2") })
      const defects = [
        odd,
        new TypeError("hunter2"),
        { password: "hunter2" },
        "hunter2",
        Object.assign(new Error(), { code: "EODD" })
      ]
      const output = yield* logged(
        Effect.forEach(defects, (defect) =>
          Effect.logError("defect", Cause.die(defect)).pipe(Effect.andThen(Effect.logError("odd", { error: defect })))
        )
      )
      assert.notInclude(output.replaceAll('"error":"hunter2"', ""), "hunter2")
      const causes = output
        .split("\n")
        .slice(0, -1)
        .flatMap((line): ReadonlyArray<string> => JSON.parse(line).cause ?? [])
      assert.deepStrictEqual(
        causes.map((cause) => cause.split("\n")[0]),
        ["Error", "TypeError", "a value of type object", "a value of type string", "Error (EODD)"]
      )
    })
  )

  it.effect("failures say what they are: their texts are ours", () =>
    Effect.gen(function* () {
      const [line] = yield* loggedJson(
        Effect.logError("ended", Cause.combine(Cause.fail(new Refused({ message: "no" })), Cause.interrupt()))
      )
      assert.match(String(line?.["cause"]), /^Refused: no\n {4}at [^]*\ninterrupted$/)
    })
  )

  it.effect("values that are named like a secret or like content, wherever they stand", () =>
    Effect.gen(function* () {
      const fields = {
        password: "hunter2",
        nested: { token: "hunter2", list: [{ subject: "hunter2" }] },
        body: "hunter2"
      }
      const output = yield* logged(Effect.annotateLogs(Effect.logInfo("odd", fields), { authorization: "hunter2" }))
      assert.notInclude(output, "hunter2")
      assert.deepInclude(JSON.parse(output), { nested: { token: "<redacted>", list: [{ subject: "<redacted>" }] } })
    })
  )
})

describe("LOG_ADDRESSES", () => {
  const event = Effect.logWarning("email_received", {
    from_address: "Bob.O'Brien@Example.com",
    recipient: '"a b"@example.org',
    reason: "<bob@example.com>: 'ann@example.net' and eve@[192.0.2.1], not mx.example.com.",
    message_id: "<1234@mail.example.com>",
    header_message_id: "<1234@mail.example.com>",
    warnings: ["of bob@example.com."],
    nested: { recipient: "root" },
    reply: "550 5.7.1 Sender bob@example.com is not a confirmed Cakemail sender"
  }).pipe(Effect.annotateLogs({ authenticated_user: "bob" }))

  const fields = (env: Record<string, string>) =>
    Effect.map(loggedJson(event, env), ([line = {}]) => {
      for (const own of ["event", "level", "timestamp"]) delete line[own]
      return line
    })

  it.effect("full shows them", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* fields({}), {
        from_address: "Bob.O'Brien@Example.com",
        authenticated_user: "bob",
        reply: "550 5.7.1 Sender bob@example.com is not a confirmed Cakemail sender"
      })
    })
  )

  it.effect("domain shows the part behind the @, in quoted texts too, and no user name", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* fields({ LOG_ADDRESSES: "domain" }), {
        authenticated_user: "***",
        from_address: "***@Example.com",
        recipient: "***@example.org",
        reason: "<***@example.com>: '***@example.net' and ***@[192.0.2.1], not mx.example.com.",
        message_id: "<1234@mail.example.com>",
        header_message_id: "<1234@mail.example.com>",
        warnings: ["of ***@example.com."],
        nested: { recipient: "***" },
        reply: "550 5.7.1 Sender ***@example.com is not a confirmed Cakemail sender"
      })
    })
  )

  it.effect("hash shows the same for the same address, by the key, and nothing else of it", () =>
    Effect.gen(function* () {
      const env = { LOG_ADDRESSES: "hash", LOG_ADDRESSES_KEY: "0123456789abcdef" }
      // printf %s bob@example.com | openssl dgst -sha256 -hmac 0123456789abcdef
      const bob = "addr_bbc8434fd179b429"
      const shown = yield* fields(env)
      assert.deepInclude(shown, {
        reply: `550 5.7.1 Sender ${bob} is not a confirmed Cakemail sender`,
        warnings: [`of ${bob}.`],
        message_id: "<1234@mail.example.com>"
      })
      assert.match(String(shown["reason"]), new RegExp(`^<${bob}>: 'addr_[0-9a-f]{16}' and addr_[0-9a-f]{16}, not mx`))
      for (const name of ["authenticated_user", "from_address", "recipient"]) {
        assert.match(String(shown[name]), /^addr_[0-9a-f]{16}$/, name)
      }
      assert.deepStrictEqual(yield* fields(env), shown)
      assert.notInclude(JSON.stringify(yield* fields({ LOG_ADDRESSES: "hash" })), bob, "another process, another key")
    })
  )

  it.effect("pretty lines obey too, and the null sender stays", () =>
    Effect.gen(function* () {
      const output = yield* logged(Effect.logInfo("x", { from_address: "", recipient: "a@b.example" }), {
        env: { LOG_ADDRESSES: "domain", LOG_FORMAT: "pretty" }
      })
      assert.match(output, /x from_address="" recipient=\*\*\*@b\.example\n$/)
    })
  )
})

describe("PrettyLogger", () => {
  it.effect("time, level, event, fields", () =>
    Effect.gen(function* () {
      const now = new Date(2030, 0, 2, 3, 4, 5, 67)
      yield* TestClock.setTime(now.getTime())
      const output = yield* logged(Effect.logInfo("mail_accepted", { recipients: 3, remark: "two words", to: "a=b" }), {
        env: { LOG_FORMAT: "pretty" }
      })
      assert.strictEqual(output, '03:04:05.067 INFO  mail_accepted recipients=3 remark="two words" to="a=b"\n')
    })
  )

  it.effect("the cause stands on lines of its own, and nothing moves the cursor", () =>
    Effect.gen(function* () {
      const output = yield* logged(
        Effect.logError("defect\u001b[2J", Cause.die(new RangeError("off\u001b[31m by one")), {
          name: "\u009b31m",
          error: new Refused({ message: "off\u001b[31m by one" })
        }),
        { env: { LOG_FORMAT: "pretty" } }
      )
      const [first, second] = output.split("\n")
      assert.match(first ?? "", /ERROR defect\\u001b\[2J name=\\u009b31m error="Refused: off\\u001b\[31m by one"$/)
      assert.strictEqual(second, "    RangeError")
    })
  )

  it.effect("auto is pretty and coloured on a terminal, JSON elsewhere", () =>
    Effect.gen(function* () {
      const terminal = yield* logged(Effect.logInfo("hello"), { isTerminal: true })
      assert.include(terminal, "\u001b[32mINFO \u001b[0m \u001b[1mhello\u001b[0m")
      const pipe = yield* logged(Effect.logInfo("hello"))
      assert.strictEqual(JSON.parse(pipe).event, "hello")
      const forced = yield* logged(Effect.logInfo("hello"), { isTerminal: true, env: { LOG_FORMAT: "json" } })
      assert.strictEqual(JSON.parse(forced).event, "hello")
      assert.isDefined(DateTime.makeUnsafe(JSON.parse(forced).timestamp))
    })
  )
})
