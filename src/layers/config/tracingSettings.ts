/** What the OTEL_* variables come to, by the rules of their specification. */
import { Redacted } from "effect"
import type { GatewaySettings } from "../../services/GatewayConfig.ts"
import type { Setting } from "./Setting.ts"
import { settings } from "./settings.ts"
import type { KeyValues } from "./tracingFormats.ts"

const SERVICE_NAME = "cakemail-smtp-gateway"

/** The specification's own. */
const DEFAULT_ENDPOINT = { "http/protobuf": "http://localhost:4318", grpc: "http://localhost:4317" } as const

/** `take` gives the value of a setting and reports a mistake in it: it is asked for each, used or not. */
export const tracingSettings = (take: <A>(setting: Setting<A>) => A): GatewaySettings["tracing"] => {
  const off = take(settings.otelSdkDisabled)
  const exporter = take(settings.otelTracesExporter)
  const protocols = [take(settings.otlpProtocol), take(settings.otlpTracesProtocol)] as const
  const protocol = protocols[1] ?? protocols[0]
  const compressions = [take(settings.otlpCompression), take(settings.otlpTracesCompression)] as const
  const base = take(settings.otlpEndpoint) ?? (exporter === "otlp" ? DEFAULT_ENDPOINT[protocol] : undefined)
  const whole = take(settings.otlpTracesEndpoint)
  // gRPC has a path of its own.
  const below = (address: string): string =>
    protocol === "grpc" ? address : `${address.replace(/\/+$/, "")}/v1/traces`
  const endpoint = whole ?? (base === undefined ? undefined : below(base))
  const headers = [take(settings.otlpHeaders), take(settings.otlpTracesHeaders)]
  const timeout = take(settings.otlpTimeout)
  const resourceAttributes = take(settings.otelResourceAttributes) ?? {}
  return {
    endpoint: off || exporter === "none" ? undefined : endpoint,
    headers: Redacted.make(Object.assign({}, ...headers.map(valuesOf))),
    timeout: take(settings.otlpTracesTimeout) ?? timeout,
    protocol,
    compression: compressions[1] ?? compressions[0],
    caPath: take(settings.otlpCertificate),
    clientCertificatePath: take(settings.otlpClientCertificate),
    clientKeyPath: take(settings.otlpClientKey),
    serviceName: take(settings.otelServiceName) ?? resourceAttributes["service.name"] ?? SERVICE_NAME,
    resourceAttributes,
    sampler: take(settings.otelTracesSampler),
    sampledShare: take(settings.otelTracesSamplerArg),
    queueSize: take(settings.otelQueueSize),
    batchSize: take(settings.otelBatchSize),
    batchDelay: take(settings.otelBatchDelay),
    batchTimeout: take(settings.otelBatchTimeout)
  }
}

const valuesOf = (headers: Redacted.Redacted<KeyValues> | undefined): KeyValues =>
  headers === undefined ? {} : Redacted.value(headers)
