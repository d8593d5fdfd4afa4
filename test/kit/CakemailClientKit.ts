/** A CakemailClient of either wire contract, over HTTP against an API that answers as scripted. */
import { Effect, Layer } from "effect"
import { CakemailClientOverTransport } from "../../src/layers/cakemail/CakemailClientLive.ts"
import { ApiTransportLive } from "../../src/layers/cakemail/ApiTransport.ts"
import { CakemailClient } from "../../src/services/CakemailClient.ts"
import type { GatewaySettings } from "../../src/services/GatewayConfig.ts"
import { configWith } from "./SettingsKit.ts"
import { aMessage, anIdentity, credentials } from "./mail.ts"
import { layerMetricsRecorder, type MetricsRecorder } from "./MetricsRecorder.ts"
import { type ScriptedApi, startScriptedApi } from "./ScriptedApi.ts"

/** How one wire contract says the things that both can say. */
export interface WireContract {
  readonly contract: GatewaySettings["api"]["contract"]
  readonly loginRoute: string
  readonly submitRoute: string
  /** Whatever a preparation asks the API for. */
  readonly scriptPreparation: (api: ScriptedApi) => void
  readonly loginAnswer: (token: string, expiresIn: number) => unknown
  /** User name and password of a login request. */
  readonly loginRequest: (body: string) => { readonly username: unknown; readonly password: unknown }
  readonly submitAnswer: (id: string, status: string) => unknown
  /** The recipient of a submission. */
  readonly recipientOf: (payload: Readonly<Record<string, unknown>>) => unknown
  readonly subjectOf: (payload: Readonly<Record<string, unknown>>) => unknown
  /** Base64 of the first attachment. */
  readonly attachmentOf: (payload: Readonly<Record<string, unknown>>) => unknown
  /** An error body that objects to the recipient. */
  readonly recipientComplaint: unknown
}

export interface SettingOverrides {
  readonly api?: Partial<GatewaySettings["api"]>
}

/** The client over HTTP against `url`, with its metrics. */
export const layerClient = (
  contract: GatewaySettings["api"]["contract"],
  url: string,
  overrides: SettingOverrides = {}
): Layer.Layer<CakemailClient | MetricsRecorder> =>
  CakemailClientOverTransport.pipe(
    Layer.provide(ApiTransportLive),
    Layer.provideMerge(layerMetricsRecorder),
    Layer.provide(
      configWith({
        smtp: { hostname: "gateway.example.com" },
        api: { contract, url, createSenders: false, ...overrides.api }
      })
    ),
    Layer.orDie
  )

/** Logs in as `credentials()` says. */
export const login = Effect.flatMap(CakemailClient, (client) => client.login(credentials()))

/** One message to one recipient, prepared and submitted. */
export const submit = Effect.gen(function* () {
  const client = yield* CakemailClient
  const prepared = yield* client.prepare(anIdentity(), aMessage())
  return yield* client.submit(anIdentity(), prepared, "recipient@example.org")
})

export const lastPayload = (api: ScriptedApi): Readonly<Record<string, unknown>> =>
  JSON.parse(api.requests.at(-1)!.body)

/** Gives a function that runs a test with a client of the contract, whose API answers well until it is scripted otherwise. */
export const withApiOf =
  (wire: WireContract) =>
  <A, E>(
    test: (api: ScriptedApi) => Effect.Effect<A, E, CakemailClient | MetricsRecorder>,
    overrides: SettingOverrides = {}
  ) =>
    Effect.flatMap(startScriptedApi(), (api) => {
      wire.scriptPreparation(api)
      api.script(wire.loginRoute, { status: 200, body: wire.loginAnswer("token-1", 3600) })
      api.script(wire.submitRoute, { status: 201, body: wire.submitAnswer("id-1", "queued") })
      return Effect.provide(test(api), layerClient(wire.contract, api.url, overrides))
    })
