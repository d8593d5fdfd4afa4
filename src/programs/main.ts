#!/usr/bin/env node
/** The command line: every program of this package behind one command. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Exit, Layer } from "effect"
import { CliError, Command } from "effect/cli"
import { CakemailClientLive } from "../layers/cakemail/CakemailClientLive.ts"
import { settingsText } from "../layers/config/settingsText.ts"
import { environment } from "../layers/config/source.ts"
import { MailParserLive } from "../layers/mime/MailParserLive.ts"
import { causeText } from "../layers/telemetry/causeText.ts"
import { MetricsPrometheus } from "../layers/telemetry/MetricsPrometheus.ts"
import { TlsContextLive } from "../layers/tls/TlsContextLive.ts"
import { checkCommand } from "./check.ts"
import { gateway } from "./run.ts"
import { migrateCommand } from "./migrate.ts"
import { replayCommand } from "./replay.ts"
import { sandboxCommand } from "./sandbox.ts"
import { sendCommand } from "./send.ts"
import { start, START_PRESETS } from "./start.ts"
import { endingAtUncaught } from "./uncaught.ts"

const VERSION = "0.1.0"

const SETTINGS = `Settings come from the environment, then from a .env file. NAME_FILE names a file that holds the value of NAME.

${settingsText()}`

const gatewayCommand = Command.make("gateway", {}, () => endingAtUncaught(gateway)).pipe(
  Command.withShortDescription("Run the gateway in production"),
  Command.withDescription(`Run the gateway in production.\n\n${SETTINGS}`),
  Command.provide(environment())
)

const startCommand = Command.make("start", {}, () => endingAtUncaught(start)).pipe(
  Command.withShortDescription("Run the gateway with its embedded sandbox"),
  Command.withDescription(
    `Run the gateway with its embedded sandbox in place of the Cakemail API: no mail leaves the machine.\n\n${SETTINGS}`
  ),
  Command.provide(environment({ presets: START_PRESETS }))
)

const root = Command.make("cakemail-smtp-gateway").pipe(
  Command.withDescription(`Accepts mail by SMTP and submits it to the Cakemail Email API.\n\n${SETTINGS}`),
  Command.withSubcommands([
    startCommand,
    gatewayCommand,
    sandboxCommand.pipe(Command.provide(environment())),
    checkCommand(Layer.mergeAll(CakemailClientLive, TlsContextLive).pipe(Layer.provide(MetricsPrometheus))).pipe(
      Command.provide(environment())
    ),
    sendCommand.pipe(Command.provide(environment())),
    migrateCommand.pipe(Command.provide(environment())),
    replayCommand(Layer.mergeAll(CakemailClientLive, MailParserLive).pipe(Layer.provide(MetricsPrometheus))).pipe(
      Command.provide(environment())
    )
  ])
)

/** What the operator can mend is said in its own words; what nobody foresaw with its cause. */
const explain = (cause: Cause.Cause<unknown>) => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  if (Cause.hasDies(cause)) return Console.error(causeText(cause))
  const error = Cause.squash(cause)
  if (!(error instanceof Error) || CliError.isCliError(error) || SAID.has(error.name)) return Effect.void
  return Console.error(messageOf(error) === "" ? causeText(cause) : messageOf(error))
}

/** With what lies beneath: "cannot listen" says nothing without the address that was taken. */
const messageOf = (error: Error): string => {
  const beneath = error.cause instanceof Error ? error.cause.message : ""
  if (error.message === "" || error.message.includes(beneath)) return error.message || beneath
  return `${error.message}: ${beneath}`
}

/** Errors whose story has been printed already. */
const SAID: ReadonlySet<string> = new Set(["CheckFailed", "MigrateFailed", "ReplayFailed", "SendFailed", "Uncaught"])

root.pipe(
  Command.run({ version: VERSION }),
  Effect.tapCause(explain),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    // A signal is the usual way to end: whoever drained whole has not failed.
    teardown: (exit, done) => done(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
  })
)
