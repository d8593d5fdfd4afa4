import { availableParallelism } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { ConfigProvider, Duration, Effect, FileSystem, Layer, Redacted } from "effect"
import { readGatewaySettings } from "../../../src/layers/config/GatewayConfigLive.ts"
import { allSettings } from "../../../src/layers/config/settings.ts"

const read = (env: Record<string, string>, files: Record<string, string> = {}) =>
  readGatewaySettings.pipe(
    Effect.provide(
      Layer.merge(
        ConfigProvider.layer(ConfigProvider.fromEnvRecord(env)),
        Object.keys(files).length === 0 ? NodeFileSystem.layer : filesLayer(files)
      )
    )
  )

const filesLayer = (files: Record<string, string>) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (real) => ({
      ...real,
      readFileString: (path: string) => (path in files ? Effect.succeed(files[path]!) : real.readFileString(path))
    }))
  ).pipe(Layer.provide(NodeFileSystem.layer))

const lines = (env: Record<string, string>, files?: Record<string, string>) =>
  read(env, files).pipe(
    Effect.flip,
    Effect.map((problems) => problems.message.split("\n"))
  )

describe("GatewayConfigLive", () => {
  it.effect("WORKERS: one, a number, or as many as there are CPUs to use", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* read({})).workers, 1)
      assert.strictEqual((yield* read({ WORKERS: "7" })).workers, 7)
      const many = { WORKERS: "Auto", MESSAGE_BUDGET: "64 GiB" }
      assert.strictEqual((yield* read(many)).workers, Math.min(availableParallelism(), 128))
      const { problems } = yield* Effect.flip(read({ WORKERS: "0" }))
      assert.strictEqual(problems[0]?.expected, "a whole number from 1 to 128, or auto")
    })
  )

  it.effect("an empty environment gives the documented defaults", () =>
    Effect.gen(function* () {
      const gateway = yield* read({})
      assert.deepStrictEqual(gateway.smtp.ports, [{ port: 587, implicitTls: false }])
      assert.include(["::", "0.0.0.0"], gateway.smtp.host)
      assert.strictEqual(gateway.http.host, gateway.smtp.host)
      assert.isAbove(gateway.smtp.hostname.length, 0)
      assert.strictEqual(gateway.smtp.messageSizeLimit, 26_214_400)
      assert.strictEqual(gateway.smtp.attachmentSizeLimit, 10_485_760)
      assert.strictEqual(gateway.smtp.maxConnections, 1000)
      assert.strictEqual(Duration.toSeconds(gateway.smtp.connectionTimeout), 300)
      assert.strictEqual(Duration.toSeconds(gateway.smtp.dataTimeout), 600)
      assert.deepStrictEqual(gateway.log, { level: "INFO", format: "auto", addresses: "full", addressKey: undefined })
      assert.strictEqual(gateway.api.url, "https://api.cakemail.dev")
      assert.strictEqual(gateway.api.listId, undefined)
      assert.strictEqual(gateway.api.httpsProxy, undefined)
      assert.strictEqual(Duration.toSeconds(gateway.api.submitDeadline), 30)
      assert.strictEqual(Duration.toSeconds(gateway.authCache.timeToLive), 900)
      assert.deepStrictEqual(gateway.limits, {
        maxConnectionsPerAddress: 10,
        ratePerAddress: 100,
        ratePerAccount: undefined,
        authFailureLimit: 5,
        authFailureWindow: Duration.seconds(300),
        authBlockDuration: Duration.seconds(3600),
        messageBudget: 402_653_184
      })
      assert.deepStrictEqual(gateway.circuitBreaker, {
        threshold: 0.5,
        window: Duration.seconds(60),
        minimumCalls: 10,
        openDuration: Duration.seconds(300)
      })
      assert.strictEqual(gateway.partialFailure, "accept")
      assert.strictEqual(gateway.recentSubmissions.redisUrl, undefined)
      assert.strictEqual(Duration.toMinutes(gateway.recentSubmissions.window), 10)
      assert.strictEqual(gateway.recentSubmissions.capacity, 100_000)
      assert.strictEqual(gateway.deadLetters.directory, undefined)
      assert.deepStrictEqual([gateway.deadLetters.maxFiles, gateway.deadLetters.maxBytes], [10_000, 1_073_741_824])
      assert.strictEqual(Duration.toDays(gateway.deadLetters.maxAge), 30)
      assert.deepStrictEqual(gateway.smtp.proxyTrusted, [])
      assert.deepStrictEqual(gateway.trustedNetworks, [])
    })
  )

  it.effect("what is given is decoded", () =>
    Effect.gen(function* () {
      const gateway = yield* read({
        SMTP_HOST: "127.0.0.1",
        SMTP_PORT: "2587",
        SMTP_HOSTNAME: "smtp.example.com",
        SMTPS_PORT: "465",
        SMTP_EXTRA_PORTS: " 25, 2525 ",
        TLS_CERT_PATH: "/tls/tls.crt",
        TLS_KEY_PATH: "/tls/tls.key",
        MESSAGE_SIZE_LIMIT: "1 MiB",
        API_TIMEOUT: "1500ms",
        LOG_LEVEL: "warning",
        CAKEMAIL_API_CONTRACT: "Gateway-V1",
        CAKEMAIL_LIST_ID: "42",
        CAKEMAIL_TRACK_OPENS: "Off",
        REPLY_REFERENCE: "0",
        TRUSTED_NETWORKS: "127.0.0.0/8,::1",
        REDIS_URL: "rediss://user:secret@redis.example.com/1",
        DEAD_LETTER_DIR: "/var/lib/letters",
        DEAD_LETTER_MAX_BYTES: "5 GiB",
        DEAD_LETTER_MAX_AGE: "7 days",
        PROXY_TRUSTED: "10.1.0.0/16, 192.0.2.7",
        HTTPS_PROXY: "http://user:secret@proxy.example.com:3128"
      })
      assert.deepStrictEqual(gateway.smtp.ports, [
        { port: 2587, implicitTls: false },
        { port: 25, implicitTls: false },
        { port: 2525, implicitTls: false },
        { port: 465, implicitTls: true }
      ])
      assert.strictEqual(gateway.smtp.host, "127.0.0.1")
      assert.strictEqual(gateway.smtp.hostname, "smtp.example.com")
      assert.strictEqual(gateway.smtp.messageSizeLimit, 1_048_576)
      assert.isFalse(gateway.smtp.showReference)
      assert.deepStrictEqual([gateway.tls.certificatePath, gateway.tls.keyPath], ["/tls/tls.crt", "/tls/tls.key"])
      assert.strictEqual(Duration.toMillis(gateway.api.timeout), 1500)
      assert.strictEqual(gateway.log.level, "WARN")
      assert.strictEqual(gateway.api.contract, "gateway-v1")
      assert.strictEqual(gateway.api.url, "https://api.cakemail.com")
      assert.strictEqual(gateway.api.listId, 42)
      assert.isFalse(gateway.api.trackOpens)
      assert.isTrue(gateway.api.trackClicks)
      assert.deepStrictEqual(gateway.trustedNetworks, ["127.0.0.0/8", "::1/128"])
      assert.deepStrictEqual(gateway.smtp.proxyTrusted, ["10.1.0.0/16", "192.0.2.7/32"])
      assert.strictEqual(gateway.deadLetters.directory, "/var/lib/letters")
      assert.strictEqual(gateway.deadLetters.maxBytes, 5 * 1024 ** 3)
      assert.strictEqual(Duration.toDays(gateway.deadLetters.maxAge), 7)
      const redis = gateway.recentSubmissions.redisUrl
      assert.strictEqual(redis && Redacted.value(redis), "rediss://user:secret@redis.example.com/1")
      const proxy = gateway.api.httpsProxy
      assert.strictEqual(proxy && Redacted.value(proxy), "http://user:secret@proxy.example.com:3128")
      assert.notInclude(JSON.stringify(gateway), "secret")
    })
  )

  it.effect("all mistakes are told at once, each with what to give", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lines({ SMTP_PORT: "abc", LOG_FORMAT: "xml", API_TIMEOUT: "soon" }), [
        'SMTP_PORT is "abc": give a port, a whole number from 1 to 65535',
        'LOG_FORMAT is "xml": give one of json, pretty, auto',
        'API_TIMEOUT is "soon": give a duration from 100 ms to 5 minutes, such as 10 (seconds), 500ms or 5 minutes'
      ])
    })
  )

  it.effect("every setting of the table is decoded", () =>
    Effect.gen(function* () {
      // NUL is no part of any value; NO_PROXY takes whatever it is given.
      const wrong = allSettings.filter((setting) => setting.name !== "NO_PROXY")
      const env = Object.fromEntries(wrong.map((setting) => [setting.name, "\0nonsense"]))
      const problems = (yield* Effect.flip(read(env))).problems
      assert.deepStrictEqual(problems.map(({ name }) => name).sort(), wrong.map(({ name }) => name).sort())
      assert.strictEqual((yield* read({ NO_PROXY: "example.com" })).api.noProxy, "example.com")
    })
  )

  it.effect("a secret is never shown", () =>
    Effect.gen(function* () {
      const [line, ...others] = yield* lines({ HTTPS_PROXY: "hunter2" })
      assert.deepStrictEqual(others, [])
      assert.match(line ?? "", /^HTTPS_PROXY is set to something else \(hidden/)
      assert.notInclude(line ?? "", "hunter2")
      const [url] = yield* lines({ CAKEMAIL_API_URL: "https://me:hunter2@api.example.com" })
      assert.notInclude(url ?? "", "hunter2")
    })
  )

  it.effect("NAME_FILE stands for NAME, its content trimmed", () =>
    Effect.gen(function* () {
      const gateway = yield* read({ SMTP_HOSTNAME_FILE: "/run/name" }, { "/run/name": " smtp.example.com\n" })
      assert.strictEqual(gateway.smtp.hostname, "smtp.example.com")
    })
  )

  it.effect("a CA file that cannot be read is a problem beside the others", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lines({ CAKEMAIL_CA_PATH: "/nowhere/ca.pem", LOG_LEVEL: "loud" }), [
        'LOG_LEVEL is "loud": give one of DEBUG, INFO, WARN, ERROR',
        'CAKEMAIL_CA_PATH is "/nowhere/ca.pem": give the path of a PEM file that can be read'
      ])
      assert.strictEqual((yield* read({ CAKEMAIL_CA_PATH: "/ca.pem" }, { "/ca.pem": "x" })).api.caPath, "/ca.pem")
    })
  )

  it.effect("NAME and NAME_FILE together, a missing file, an empty file are problems", () =>
    Effect.gen(function* () {
      const found = yield* lines(
        {
          SMTP_HOSTNAME: "a.example.com",
          SMTP_HOSTNAME_FILE: "/run/name",
          SMTP_PORT_FILE: "/nowhere/port",
          HTTP_PORT_FILE: "/run/empty"
        },
        { "/run/name": "b.example.com", "/run/empty": " \n" }
      )
      assert.deepStrictEqual(found, [
        'SMTP_PORT_FILE is "/nowhere/port": give the path of a file that can be read (NotFound)',
        "SMTP_HOSTNAME is set twice, as SMTP_HOSTNAME and as SMTP_HOSTNAME_FILE: give one of the two",
        'HTTP_PORT_FILE is "/run/empty": give the path of a file that is not empty'
      ])
    })
  )

  it.effect("settings that contradict each other", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lines({ TLS_CERT_PATH: "/tls.crt" }), [
        "TLS_KEY_PATH is not set: give the path of the private key that belongs to TLS_CERT_PATH, or unset TLS_CERT_PATH"
      ])
      assert.deepStrictEqual(yield* lines({ TLS_KEY_PATH: "/tls.key" }), [
        "TLS_CERT_PATH is not set: give the path of the certificate that belongs to TLS_KEY_PATH, or unset TLS_KEY_PATH"
      ])
      assert.deepStrictEqual(
        yield* lines({ SMTP_PORT: "2525", SMTP_EXTRA_PORTS: "25,2525,25", SMTPS_PORT: "25", HTTP_PORT: "2525" }),
        [
          'SMTP_EXTRA_PORTS is "2525": give a port that SMTP_PORT does not use already',
          'SMTP_EXTRA_PORTS is "25": give every port once',
          'SMTPS_PORT is "25": give a port that SMTP_EXTRA_PORTS does not use already',
          'HTTP_PORT is "2525": give a port that SMTP_PORT does not use already'
        ]
      )
    })
  )

  it.effect("workers whose part of the budget has no room for the largest message", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lines({ WORKERS: "4", MESSAGE_BUDGET: "99 MiB", MESSAGE_SIZE_LIMIT: "25 MiB" }), [
        'MESSAGE_BUDGET is "103809024": give at least 104857600, MESSAGE_SIZE_LIMIT for each of 4 WORKERS, better three times that'
      ])
      yield* read({ WORKERS: "4", MESSAGE_BUDGET: "100 MiB", MESSAGE_SIZE_LIMIT: "25 MiB" })
      yield* read({ MESSAGE_BUDGET: "10 MiB", MESSAGE_SIZE_LIMIT: "25 MiB" })
    })
  )

  it.effect("what is no contradiction", () =>
    Effect.gen(function* () {
      yield* read({ SMTP_PORT: "0", SMTP_EXTRA_PORTS: "0", SMTPS_PORT: "0", HTTP_PORT: "0" })
      yield* read({ SMTP_HOST: "192.0.2.1", HTTP_HOST: "127.0.0.1", SMTP_PORT: "8080" })
      yield* read({ ATTACHMENT_SIZE_LIMIT: "20 MiB", MESSAGE_SIZE_LIMIT: "10 MiB" })
    })
  )

  it.effect("a mistake does not drag others behind it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lines({ SMTP_PORT: "abc", SMTP_EXTRA_PORTS: "587" }), [
        'SMTP_PORT is "abc": give a port, a whole number from 1 to 65535'
      ])
      assert.deepStrictEqual(yield* lines({ TLS_CERT_PATH_FILE: "/nowhere", TLS_KEY_PATH: "/tls.key" }), [
        'TLS_CERT_PATH_FILE is "/nowhere": give the path of a file that can be read (NotFound)'
      ])
    })
  )

  it.effect("empty and blank mean unset", () =>
    Effect.gen(function* () {
      const gateway = yield* read({ SMTP_PORT: "", SMTPS_PORT: "  ", HTTPS_PROXY: "" })
      assert.deepStrictEqual(gateway.smtp.ports, [{ port: 587, implicitTls: false }])
    })
  )
})
