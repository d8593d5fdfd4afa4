/** The Cakemail API by the contract that CAKEMAIL_API_CONTRACT names. */
import { Effect, Layer } from "effect"
import type { CakemailClient } from "../../services/CakemailClient.ts"
import { GatewayConfig } from "../../services/GatewayConfig.ts"
import type { Metrics } from "../../services/Metrics.ts"
import type { CaCertificateUnusable } from "./ApiDispatcher.ts"
import { type ApiTransport, ApiTransportLive } from "./ApiTransport.ts"
import { EmailApiV2Client } from "./EmailApiV2.ts"
import { GatewayV1Client } from "./GatewayV1.ts"
import { SendersLive } from "./Senders.ts"

/** Over any transport. */
export const CakemailClientOverTransport: Layer.Layer<CakemailClient, never, ApiTransport | GatewayConfig> =
  Layer.unwrap(
    Effect.map(GatewayConfig, ({ api }) => {
      switch (api.contract) {
        case "email-api-v2":
          return EmailApiV2Client.pipe(Layer.provide(SendersLive))
        case "gateway-v1":
          return GatewayV1Client
      }
    })
  )

/** Over HTTP, nothing wrapped around its calls. */
export const CakemailClientLive: Layer.Layer<CakemailClient, CaCertificateUnusable, GatewayConfig | Metrics> =
  CakemailClientOverTransport.pipe(Layer.provide(ApiTransportLive))
