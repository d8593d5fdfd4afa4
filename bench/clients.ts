/**
 * How fast client libraries get mails through: `npm run bench:clients` (`-- --mails 100 curl swaks` for fewer, by part
 * of the name). Each sends over one connection, if it can, one mail after the other, to a gateway of its own in front of
 * a sandbox, both in this process. Exits with 1 when a mail was refused or did not arrive.
 */
import { Clock, Console, Data, Effect } from "effect"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { spawnSync } from "node:child_process"
import { parseArgs } from "node:util"
import { LIBRARIES, type Library } from "../test/clients/libraries.ts"
import { numberedMails } from "../test/clients/sampleMails.ts"
import { openTlsTunnel } from "../test/clients/TlsTunnel.ts"
import { HOST, Workshop, WorkshopLive } from "../test/clients/Workshop.ts"
import { startGateway } from "../test/kit/GatewayKit.ts"
import { table } from "./runner/markdown.ts"

class MailsLost extends Data.TaggedError("MailsLost") {}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { mails: { type: "string", default: "1000" } }
})

const count = Number(values.mails)

const PORTS = [
  { port: 0, implicitTls: false },
  { port: 0, implicitTls: true }
]

const measure = Effect.fnUntraced(function* (library: Library) {
  const { ca, caPem, directory, tls } = yield* Workshop
  yield* library.prepare(directory)
  const { sandbox, smtpPorts } = yield* startGateway({ settings: { smtp: { ports: PORTS }, tls } })
  const [starttls, implicitTls] = smtpPorts.map(({ port }) => port)
  const port = library.tunnelled === true ? yield* openTlsTunnel(implicitTls!, caPem) : starttls!
  const login = { username: "demo@example.com", password: "demo", mechanism: null }
  const startedAt = yield* Clock.currentTimeMillis
  const outcomes = yield* library.send({ host: HOST, port, ca, ...login, mails: numberedMails(count) }, directory)
  const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1_000
  const captured = yield* sandbox.captured
  const errors = outcomes.filter(({ code }) => code !== 250).length
  const arrived = new Set(captured.map(({ subject }) => subject)).size
  return { library, seconds, errors, arrived, twice: captured.length - arrived }
}, Effect.scoped)

const isThere = ({ check: [command, ...args] }: Library) => spawnSync(command, args, { stdio: "ignore" }).status === 0

const isWanted = ({ name }: Library) =>
  positionals.length === 0 || positionals.some((part) => name.toLowerCase().includes(part.toLowerCase()))

NodeRuntime.runMain(
  Effect.gen(function* () {
    const results = yield* Effect.forEach(LIBRARIES.filter(isWanted).filter(isThere), measure)
    yield* Console.log(
      table(
        ["Library", "Mails", "Seconds", "Mails/s", "Errors", "Arrived", "Arrived twice"],
        results.map(({ arrived, errors, library, seconds, twice }) => [
          library.name,
          `${count}`,
          seconds.toFixed(1),
          (count / seconds).toFixed(0),
          `${errors}`,
          `${arrived}`,
          `${twice}`
        ])
      )
    )
    const lost = results.some(({ arrived, errors, twice }) => errors > 0 || twice > 0 || arrived !== count)
    if (lost || results.length === 0) return yield* new MailsLost()
  }).pipe(Effect.provide(WorkshopLive))
)
