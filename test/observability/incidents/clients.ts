/** What clients do, well-behaved and other. */
import { assert } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { MARKS, markedData, openScene, sendMarked, USER } from "../../kit/Scene.ts"
import { eventually } from "../../kit/SandboxKit.ts"
import { testSettings } from "../../kit/SettingsKit.ts"
import type { Incident } from "./Incident.ts"

export const CLIENTS: ReadonlyArray<Incident> = [
  {
    name: "an ordinary day",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, {
        settings: { api: { unsupportedAttachments: "drop", createSenders: true } }
      })
      const wire = yield* scene.loggedIn()
      assert.match(yield* sendMarked(wire), /^250 /)
      assert.match(yield* sendMarked(wire, { to: ["a@example.com", "b@example.com"], fileType: "exe" }), /^250 /)
      assert.match(yield* sendMarked(wire, { from: "new@example.com" }), /^250 /)
      assert.match(
        yield* sendMarked(wire, { headers: ["X-Track-Opens: perhaps", "Content-Type: text/x-broken; ="] }),
        /^250 /
      )
      assert.match(yield* sendMarked(wire, { headers: [`X-SMTPAPI: ${MARKS.text}`] }), /^250 /)
      assert.match(yield* sendMarked(wire, { headers: ["X-Mailgun-Drop-Message: yes"] }), /^250 /)
      assert.match(yield* sendMarked(wire, { headers: ["Idempotency-Key: k1"] }), /^250 /)
      assert.match(yield* sendMarked(wire, { headers: ["Idempotency-Key: k1"], fileType: "png" }), /^550 /)
      const again = { headers: ["Message-ID: <1@example.com>"] }
      assert.match(yield* sendMarked(wire, again), /^250 /)
      assert.match(yield* sendMarked(wire, again), /^250 /)
      yield* wire.ask("RSET")
      yield* wire.ask("QUIT")
      const byToken = yield* scene.secure()
      assert.strictEqual((yield* byToken.login(MARKS.personalToken, MARKS.personalToken)).code, 235)
      assert.match(yield* sendMarked(byToken), /^250 /)
      yield* eventually(Effect.sync(() => evidence.lines.some((line) => line.includes("connection_closed"))))
      yield* scene.scrape
    })
  },
  {
    name: "commands in the wrong order",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, { settings: { smtp: { maxRecipients: 2 } } })
      const plain = yield* scene.plain()
      yield* plain.reply
      yield* plain.ask("EHLO client.example.com")
      assert.strictEqual(
        (yield* plain.ask(`AUTH PLAIN ${Buffer.from(`\0${USER}\0${MARKS.password}`).toString("base64")}`)).code,
        530
      )
      const secure = yield* scene.secure()
      assert.strictEqual((yield* secure.ask(`MAIL FROM:<${USER}>`)).code, 530)
      const wire = yield* scene.loggedIn()
      yield* wire.ask(`MAIL FROM:<${USER}>`)
      for (const code of [250, 250, 452]) {
        assert.strictEqual((yield* wire.ask(`RCPT TO:<${code}${Math.random()}@example.com>`)).code, code)
      }
      yield* scene.scrape
    })
  },
  {
    name: "messages that are too large",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, {
        settings: { smtp: { messageSizeLimit: 5_000, attachmentSizeLimit: 200 } }
      })
      const wire = yield* scene.loggedIn()
      assert.match(yield* sendMarked(wire, { times: 10 }), /^552 5\.3\.4 Attachment/)
      assert.match(yield* sendMarked(wire, { times: 60 }), /^552 5\.3\.4 Message/)
      assert.match(yield* sendMarked(wire, { times: 200 }), /^421 4\.3\.4 /)
      yield* scene.scrape
    })
  },
  {
    name: "attachments and structures that are refused",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence)
      const wire = yield* scene.loggedIn()
      assert.match(yield* sendMarked(wire, { fileType: "exe" }), /^550 5\.6\.1 /)
      yield* wire.ask(`MAIL FROM:<${USER}>`)
      yield* wire.ask("RCPT TO:<to@example.com>")
      yield* wire.ask("DATA")
      const nested = Array.from({ length: 30 }, (_, n) => [
        `Content-Type: multipart/mixed; boundary=b${n}`,
        "",
        `--b${n}`
      ])
      yield* wire.send(
        [`From: ${USER}`, `Subject: ${MARKS.subject}`, ...nested.flat(), "", MARKS.text, ".", ""].join("\r\n")
      )
      assert.match((yield* wire.reply).raw, /^550 5\.6\.0 /)
      yield* scene.scrape
    })
  },
  {
    name: "clients that vanish, wait or trickle",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, {
        settings: { smtp: { dataTimeout: Duration.millis(400) } }
      })
      const slow = yield* scene.loggedIn()
      const gone = yield* scene.loggedIn()
      for (const wire of [slow, gone]) {
        yield* wire.ask(`MAIL FROM:<${USER}>`)
        yield* wire.ask("RCPT TO:<to@example.com>")
        yield* wire.ask("DATA")
        yield* wire.send(markedData().slice(0, 400))
      }
      yield* gone.reset
      assert.match((yield* slow.reply).raw, /^421 4\.4\.2 Message data too slow/)
      yield* eventually(Effect.sync(() => evidence.lines.some((line) => line.includes(`"ClientGone"`))))
      yield* scene.scrape
      const impatient = yield* openScene(evidence, { settings: { smtp: { connectionTimeout: Duration.millis(50) } } })
      const idle = yield* impatient.plain()
      yield* idle.reply
      assert.match((yield* idle.reply).raw, /^421 4\.4\.2 Timeout/)
      yield* impatient.scrape
    })
  },
  {
    name: "connections that are none",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, {
        settings: {
          smtp: {
            maxConnections: 2,
            ports: [
              { port: 0, implicitTls: false },
              { port: 0, implicitTls: true }
            ]
          }
        }
      })
      const wire = yield* scene.plain()
      yield* wire.reply
      yield* wire.ask("EHLO client.example.com")
      yield* wire.ask("STARTTLS")
      yield* wire.send("GET / HTTP/1.1\r\n\r\n")
      yield* wire.ended
      yield* eventually(Effect.sync(() => evidence.lines.some((line) => line.includes("connection_error"))))
      yield* scene.scrape
      yield* Effect.forEach([1, 2], () => scene.secure())
      assert.match((yield* (yield* scene.plain()).reply).raw, /^421 4\.7\.0 Too many connections/)
      yield* scene.scrape
    })
  },
  {
    name: "clients over their limits",
    happens: Effect.fnUntraced(function* (evidence) {
      const scene = yield* openScene(evidence, {
        settings: {
          limits: { ...testSettings.limits, maxConnectionsPerAddress: 1, ratePerAddress: 2, ratePerAccount: 3 },
          trustedNetworks: []
        }
      })
      const wire = yield* scene.loggedIn()
      assert.match((yield* (yield* scene.plain()).reply).raw, /^421 4\.7\.0 Too many connections/)
      for (const code of [250, 250, 451]) {
        assert.strictEqual((yield* wire.ask(`MAIL FROM:<${USER}>`)).code, code)
        yield* wire.ask("RSET")
      }
      const other = yield* scene.loggedIn({ localAddress: "127.0.0.2" })
      for (const code of [250, 451]) {
        assert.strictEqual((yield* other.ask(`MAIL FROM:<${USER}>`)).code, code)
        yield* other.ask("RSET")
      }
      yield* scene.scrape
    })
  }
]
