/** Every client library through every case: what it is told to send is what arrives, and it understands what it is told. */
import { describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { withClient } from "../kit/ClientProgram.ts"
import { startGateway } from "../kit/GatewayKit.ts"
import { type Bench, CASES, type GatewaySettings, SMTP } from "./cases.ts"
import { LIBRARIES, type Library } from "./libraries.ts"
import { openTlsTunnel } from "./TlsTunnel.ts"
import { HOST, Workshop, WorkshopLive } from "./Workshop.ts"

const openBench = Effect.fnUntraced(function* (library: Library, settings: GatewaySettings = {}) {
  const workshop = yield* Workshop
  const gateway = yield* startGateway({ shown: true, settings: { smtp: SMTP, ...settings, tls: workshop.tls } })
  const [starttls, implicitTls] = gateway.smtpPorts.map(({ port }) => port)
  const port = library.tunnelled === true ? yield* openTlsTunnel(implicitTls!, workshop.caPem) : starttls!
  const bench: Bench = {
    library,
    gateway,
    workshop,
    send: (mails, overrides) =>
      library.send(
        {
          host: HOST,
          port,
          ca: workshop.ca,
          username: "demo@example.com",
          password: "demo",
          mechanism: null,
          mails,
          ...overrides
        },
        workshop.directory
      )
  }
  return bench
})

const isThere = ({ check, name }: Library) => withClient(name, ...check)

for (const library of LIBRARIES) {
  describe.runIf(isThere(library))(library.name, () => {
    const prepared = Layer.effectDiscard(Effect.flatMap(Workshop, ({ directory }) => library.prepare(directory)))

    layer(Layer.provideMerge(prepared, WorkshopLive), { excludeTestServices: true, timeout: 60_000 })((it) => {
      for (const [name, { run, settings }] of Object.entries(CASES)) {
        // docs/clients.md says why.
        if (Object.hasOwn(library.cannot, name)) continue
        it.effect(name, () => Effect.flatMap(openBench(library, settings), run), 60_000)
      }
    })
  })
}
