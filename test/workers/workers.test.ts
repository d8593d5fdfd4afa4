/** Several processes on real sockets: to their clients, to Prometheus and to whoever stops them they are one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { spawnSync } from "node:child_process"
import { connect } from "node:net"
import { connect as connectTls } from "node:tls"
import { freePort } from "../kit/freePort.ts"
import { startGatewayProcess } from "../kit/GatewayProcess.ts"
import { BLOCKED, SUSPENDED, TOO_MANY } from "../kit/LimitsKit.ts"
import { metricsText } from "../kit/metricOf.ts"
import { assertAllArrived, deliver } from "../kit/RetryingClient.ts"
import { eventually, startSandbox } from "../kit/SandboxKit.ts"
import { openLoggedInWire, openSecureWire, openWire, type Wire } from "../kit/SmtpWire.ts"
import { isRunning, startWorkers } from "../kit/WorkersKit.ts"

const CLIENTS = 12
const MESSAGES = 10

/** Clients with messages of their own, all at once. */
const load = (portOf: () => number, onAccepted: () => void) =>
  Effect.forEach(
    Array.from({ length: CLIENTS }, (_, client) => client),
    (client) =>
      deliver({
        messageIds: Array.from({ length: MESSAGES }, (_, message) => `m${client}-${message}`),
        portOf,
        perConnection: 3,
        onAttempt: (attempt) => {
          if (attempt === "accepted") onAccepted()
        }
      }),
    { concurrency: "unbounded" }
  ).pipe(Effect.map((deliveries) => deliveries.flat()))

const SLOW_API = { endpoint: "emails", what: "latency", latency: 50 } as const

const send = (wire: Wire, messageId: string) =>
  Effect.gen(function* () {
    yield* wire.ask("MAIL FROM:<demo@example.com>")
    yield* wire.ask("RCPT TO:<to@example.com>")
    yield* wire.ask("DATA")
    return yield* wire.ask(
      `From: demo@example.com\r\nSubject: ${messageId}\r\nMessage-ID: <${messageId}@example.com>\r\n\r\nhello\r\n.`
    )
  })

/** Each test starts several processes. */
const PATIENCE = { timeout: 90_000 }

describe("two workers", PATIENCE, () => {
  it.live("both take mail; the metrics are those of all, the lines name who wrote them", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { captured, url } = yield* startSandbox()
        const gateway = yield* startWorkers({ apiUrl: url })
        for (let mail = 0; mail < 8; mail++) {
          const wire = yield* openLoggedInWire(gateway.smtpPort)
          assert.strictEqual((yield* send(wire, `mail-${mail}`)).code, 250)
        }
        assert.strictEqual((yield* captured).length, 8)
        yield* eventually(Effect.map(gateway.events("email_received"), (events) => events.length === 8))
        const by = (yield* gateway.events("email_received")).map(({ worker }) => worker)
        for (const worker of [1, 2]) assert.isAbove(by.filter((each) => each === worker).length, 1)

        assert.strictEqual(yield* gateway.metric('smtp_emails_forwarded_total{result="success"}'), 8)
        assert.strictEqual(yield* gateway.metric('smtp_connections_total{status="accepted"}'), 8)
        assert.strictEqual(yield* gateway.metric('smtp_processing_duration_seconds_count{command="DATA"}'), 8)
        assert.strictEqual(yield* gateway.metric("smtp_active_connections"), 8)
        // Divided among the workers, or that of the whole.
        assert.strictEqual(yield* gateway.metric("smtp_message_budget_bytes"), 402_653_184)
        assert.strictEqual(yield* gateway.metric("smtp_connection_limit"), 1_000)
        assert.strictEqual(yield* gateway.metric("smtp_ready"), 1)
        const names = (yield* metricsText(gateway.httpUrl)).split("\n").filter((line) => line.startsWith("# TYPE"))
        assert.strictEqual(new Set(names).size, names.length)
        assert.strictEqual(yield* gateway.readiness, 200)
      })
    )
  )

  it.live("one is killed under load and comes back: what had a 250 is there, the counts do not fall", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { captured, inject, url } = yield* startSandbox()
        yield* inject(SLOW_API)
        const gateway = yield* startWorkers({ apiUrl: url })
        let accepted = 0
        const loading = yield* Effect.forkChild(
          load(
            () => gateway.smtpPort,
            () => void accepted++
          )
        )
        yield* eventually(Effect.sync(() => accepted >= (CLIENTS * MESSAGES) / 3))
        const before = yield* gateway.metric('smtp_emails_forwarded_total{result="success"}')
        const [victim = 0] = yield* gateway.workers
        yield* Effect.sync(() => process.kill(victim, "SIGKILL"))
        yield* eventually(Effect.map(gateway.events("worker_ended"), (events) => events.length === 1))
        assert.isAtLeast(yield* gateway.metric('smtp_emails_forwarded_total{result="success"}'), before)
        // The others serve.
        assert.strictEqual(yield* gateway.readiness, 200)

        const deliveries = yield* Fiber.join(loading)
        assert.strictEqual(deliveries.length, CLIENTS * MESSAGES)
        assertAllArrived(deliveries, yield* captured)
        yield* gateway.serving(2)
        assert.deepStrictEqual(yield* gateway.events("worker_hangs"), [])
        assert.deepStrictEqual(
          (yield* gateway.events("worker_ended")).map(({ cause }) => cause),
          ["SIGKILL"]
        )
        assert.strictEqual(yield* gateway.metric("smtp_worker_restarts_total"), 1)
        assert.notInclude(yield* gateway.workers, victim)
        // Of its connections nothing is counted any more.
        yield* eventually(Effect.map(gateway.metric("smtp_active_connections"), (open) => open === 0))
      })
    )
  )

  it.live("one that hangs is killed: the connection that it had not taken is ended, and the next ones are served", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* startSandbox()
        const gateway = yield* startWorkers({ apiUrl: url })
        const [victim = 0] = yield* gateway.workers
        yield* Effect.acquireRelease(
          Effect.sync(() => process.kill(victim, "SIGSTOP")),
          () => Effect.sync(() => void (isRunning(victim) && process.kill(victim, "SIGKILL")))
        )
        // Handed out in turn: when two are greeted by the other one, the third has gone to the victim.
        const wires = yield* Effect.forEach([1, 2, 3], () => openWire(gateway.smtpPort))
        const greeted = Effect.map(
          Effect.forEach(wires, ({ received }) => received),
          (texts) => texts.filter((text) => text.startsWith("220 ")).length
        )
        yield* eventually(Effect.map(greeted, (count) => count === 2))
        const silent = yield* Effect.filter(wires, ({ received }) => Effect.map(received, (text) => text === ""))
        assert.strictEqual(silent.length, 1)
        yield* Effect.sync(() => process.kill(victim, "SIGKILL"))
        yield* Effect.forEach(silent, ({ ended }) => ended)
        yield* gateway.serving(2)
        for (let again = 0; again < 4; again++) {
          assert.strictEqual((yield* (yield* openWire(gateway.smtpPort)).reply).code, 220)
        }
        assert.strictEqual(yield* gateway.complaints, "")
      })
    )
  )

  it.live("SIGTERM under load drains both: exit code 0, nobody is left without an answer to data that was sent", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { captured, inject, url } = yield* startSandbox()
        yield* inject(SLOW_API)
        const gateway = yield* startWorkers({ apiUrl: url, environment: { SHUTDOWN_TIMEOUT: "20" } })
        const successor = yield* startGatewayProcess({ apiUrl: url })
        let accepted = 0
        let port = gateway.smtpPort
        const loading = yield* Effect.forkChild(
          load(
            () => port,
            () => void accepted++
          )
        )
        yield* eventually(Effect.sync(() => accepted >= (CLIENTS * MESSAGES) / 2))
        const workers = yield* gateway.workers
        const exit = yield* Effect.forkChild(gateway.ended)
        yield* gateway.signal("SIGTERM")
        // Again: the drain goes on.
        yield* gateway.signal("SIGTERM")
        yield* eventually(Effect.map(gateway.readiness, (status) => status !== 200))
        port = successor.smtpPort
        assert.strictEqual(yield* Fiber.join(exit), 0)
        assert.deepStrictEqual(workers.filter(isRunning), [])

        const deliveries = yield* Fiber.join(loading)
        assert.deepStrictEqual(assertAllArrived(deliveries, yield* captured), { unknown: 0, doubled: 0 })
        assert.strictEqual((yield* gateway.events("shutdown_complete")).length, 2)
        assert.strictEqual((yield* gateway.events("worker_ended")).length, 0)
        assert.strictEqual(yield* gateway.complaints, "")
      })
    )
  )

  it.live("SHUTDOWN_DELAY: not ready any more, and still at everybody's service", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* startSandbox()
        const gateway = yield* startWorkers({ apiUrl: url, environment: { SHUTDOWN_DELAY: "4" } })
        yield* gateway.signal("SIGTERM")
        yield* eventually(Effect.map(gateway.readiness, (status) => status === 503))
        const wire = yield* openLoggedInWire(gateway.smtpPort)
        assert.strictEqual((yield* send(wire, "late")).code, 250)
        assert.strictEqual(yield* gateway.ended, 0)
      })
    )
  )

  it.live("a TLS session that one has begun is taken up by the other", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* startSandbox()
        const port = yield* freePort
        yield* startWorkers({ apiUrl: url, environment: { SMTPS_PORT: `${port}` } })
        const first = yield* handshake(port, undefined)
        assert.isFalse(first.isReused)
        for (let again = 0; again < 4; again++) {
          assert.isTrue((yield* handshake(port, first.session)).isReused, `connection ${again + 2}`)
        }
      })
    )
  )

  it.live("a supervisor that is killed leaves no orphan, and the port is free", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* startSandbox()
        const gateway = yield* startWorkers({ apiUrl: url })
        const workers = yield* gateway.workers
        assert.strictEqual(workers.length, 2)
        const wire = yield* openWire(gateway.smtpPort)
        assert.strictEqual((yield* wire.reply).code, 220)
        yield* gateway.signal("SIGKILL")
        yield* wire.ended
        yield* eventually(Effect.sync(() => !workers.some(isRunning)))
        assert.strictEqual(yield* refusedAt(gateway.smtpPort), "ECONNREFUSED")
      })
    )
  )
})

describe("limits of two workers are those of one", PATIENCE, () => {
  const STRANGERS = { TRUSTED_NETWORKS: "192.0.2.0/24" }

  it.live("passwords that are guessed at both block the address", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { callsOf, url } = yield* startSandbox()
        const gateway = yield* startWorkers({ apiUrl: url, environment: STRANGERS })
        for (let guess = 0; guess < 5; guess++) {
          const wire = yield* openSecureWire(gateway.smtpPort)
          const { code } = yield* wire.login(`user-${guess}@example.com`, "wrong")
          assert.strictEqual(code, 535)
        }
        const asked = yield* callsOf("token")
        for (let connection = 0; connection < 4; connection++) {
          const wire = yield* openWire(gateway.smtpPort)
          assert.strictEqual((yield* wire.reply).raw, BLOCKED)
        }
        assert.strictEqual(yield* callsOf("token"), asked)
        assert.strictEqual((yield* gateway.events("address_blocked")).length, 1)
      })
    )
  )

  it.live("passwords of one name that are guessed at both suspend the name", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* startSandbox()
        const gateway = yield* startWorkers({ apiUrl: url, environment: STRANGERS })
        const guess = (number: number) =>
          Effect.gen(function* () {
            const wire = yield* openSecureWire(gateway.smtpPort, { localAddress: `127.0.0.${10 + number}` })
            return (yield* wire.login("victim@example.com", `wrong-${number}`)).raw
          })
        for (let number = 0; number < 5; number++) assert.match(yield* guess(number), /^535 /)
        for (let number = 5; number < 9; number++) assert.strictEqual(yield* guess(number), SUSPENDED)
      })
    )
  )

  it.live("connections, mails a minute, and copies of one mail", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { captured, url } = yield* startSandbox()
        const gateway = yield* startWorkers({
          apiUrl: url,
          environment: {
            ...STRANGERS,
            MAX_CONNECTIONS_PER_IP: "4",
            MAX_CONNECTIONS_PER_POD: "6",
            RATE_LIMIT_PER_IP: "7"
          }
        })
        const wires: Array<Wire> = []
        for (let open = 0; open < 4; open++) wires.push(yield* openLoggedInWire(gateway.smtpPort))
        for (let more = 0; more < 3; more++) {
          assert.strictEqual((yield* (yield* openWire(gateway.smtpPort)).reply).raw, TOO_MANY)
        }
        const greeting = (address: string) =>
          Effect.flatMap(openWire(gateway.smtpPort, { localAddress: address }), (wire) => wire.reply)
        for (const address of ["127.0.0.2", "127.0.0.3"]) assert.strictEqual((yield* greeting(address)).code, 220)
        assert.strictEqual((yield* greeting("127.0.0.4")).raw, TOO_MANY)

        // The same mail over each connection, at both workers: sent once, and every client has the receipt.
        const replies = yield* Effect.forEach(wires, (wire) => send(wire, "copy"), { concurrency: "unbounded" })
        assert.deepStrictEqual(
          replies.map(({ code }) => code),
          [250, 250, 250, 250]
        )
        assert.strictEqual((yield* captured).length, 1)
        const told = (yield* Effect.forEach(wires, (wire) => wire.ask("MAIL FROM:<demo@example.com>"))).map(
          ({ code }) => code
        )
        assert.deepStrictEqual(told, [250, 250, 250, 451])
      })
    )
  )
})

describe("a start that fails", PATIENCE, () => {
  const failed = (environment: Readonly<Record<string, string>>) =>
    Effect.gen(function* () {
      const { url } = yield* startSandbox()
      return yield* startGatewayProcess({ apiUrl: url, environment: { WORKERS: "2", ...environment } }).pipe(
        Effect.as("started"),
        Effect.catchDefect((defect) => Effect.succeed(String(defect)))
      )
    })

  it.live("a port that is taken: said once, and the end", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* startSandbox()
        const holder = yield* startWorkers({ apiUrl: url })
        const told = yield* failed({ SMTP_PORT: `${holder.smtpPort}` })
        assert.strictEqual(told.split("cannot listen on port").length - 1, 1, told)
      })
    )
  )

  it.live("a wrong setting: said once, before any worker is started", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const told = yield* failed({ MAX_RECIPIENTS: "many" })
        assert.strictEqual(told.split("MAX_RECIPIENTS is").length - 1, 1, told)
      })
    )
  )
})

/** A handshake, with the session that it ends in; of one that took up the session that was offered, that one. */
const handshake = (port: number, offered: Buffer | undefined) =>
  Effect.callback<{ readonly isReused: boolean; readonly session: Buffer }>((resume) => {
    const socket = connectTls({
      port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      ...(offered && { session: offered })
    })
    const end = (isReused: boolean, session: Buffer) => {
      resume(Effect.succeed({ isReused, session }))
      socket.destroy()
    }
    socket.once("secureConnect", () => {
      if (offered !== undefined) end(socket.isSessionReused(), offered)
    })
    if (offered === undefined) socket.once("session", (session: Buffer) => end(false, session))
    // TLS 1.3 gives the session behind the handshake: it is read with what follows.
    socket.resume()
    socket.once("error", (error) => resume(Effect.die(error)))
  })

const refusedAt = (port: number) =>
  Effect.callback<string>((resume) => {
    const socket = connect(port, "127.0.0.1")
    socket.on("connect", () => resume(Effect.succeed("connected")))
    socket.on("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(error.code ?? "")))
  })

describe("npm start", () => {
  it("takes one process alone, and says so", () => {
    const { status, stderr } = spawnSync(process.execPath, ["src/programs/main.ts", "start"], {
      env: { PATH: process.env["PATH"], WORKERS: "2", SMTP_PORT: "0", HTTP_PORT: "0", SANDBOX_PORT: "0" },
      encoding: "utf8",
      timeout: 60_000
    })
    assert.strictEqual(status, 1)
    assert.include(stderr, 'WORKERS is "2": give 1: start has its sandbox in the same process')
  })
})
