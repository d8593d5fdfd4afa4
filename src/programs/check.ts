/** The command `check`: would the gateway work here, and if not, what is to be done. */
import { Console, Data, Effect, type FileSystem, Layer, Logger, Option, Result } from "effect"
import { Command, Flag } from "effect/cli"
import { type ConfigProblems, problemLine } from "../layers/config/ConfigProblems.ts"
import { readGatewaySettings } from "../layers/config/GatewayConfigLive.ts"
import { allSettings } from "../layers/config/settings.ts"
import type { CakemailClient } from "../services/CakemailClient.ts"
import { GatewayConfig, type GatewaySettings } from "../services/GatewayConfig.ts"
import type { TlsContext } from "../services/TlsContext.ts"
import { checkApi, checkLogin } from "./checkApi.ts"
import { checkCertificate } from "./checkCertificate.ts"
import { type Finding, ok, problem, report, skipped } from "./findings.ts"

export interface CheckOptions {
  /** Tries one login, as `username` or CHECK_USERNAME, with CHECK_PASSWORD. */
  readonly login: boolean
  readonly username: string | undefined
}

/** At least one check found a problem; everything about it has been printed. */
export class CheckFailed extends Data.TaggedError("CheckFailed")<{ readonly problems: number }> {}

/** What the checks ask, built from the settings that are being checked. */
export type CheckedServices<E> = Layer.Layer<TlsContext | CakemailClient, E, GatewayConfig | FileSystem.FileSystem>

/** Prints every finding. Fails when one of them is a problem. */
export const check = Effect.fn("check")(function* <E>(options: CheckOptions, services: CheckedServices<E>) {
  const settings = yield* Effect.result(readGatewaySettings)
  const findings = Result.isFailure(settings)
    ? [configurationProblem(settings.failure), ...WITHOUT_SETTINGS]
    : [CONFIGURATION_OK, ...(yield* checkServices(options, settings.success, services))]
  yield* Console.log(report(findings))
  const problems = findings.filter(({ state }) => state === "problem").length
  if (problems > 0) return yield* new CheckFailed({ problems })
})

/** For the command line; `services` are those that the gateway itself runs on. */
export const checkCommand = <E>(services: CheckedServices<E>) =>
  Command.make(
    "check",
    {
      login: Flag.Boolean("login").pipe(
        Flag.withDescription("Try one login; the password comes from CHECK_PASSWORD"),
        Flag.withDefault(false)
      ),
      username: Flag.String("username").pipe(
        Flag.withDescription("User name for --login; CHECK_USERNAME when absent"),
        Flag.optional
      )
    },
    ({ login, username }) => check({ login, username: Option.getOrUndefined(username) }, services)
  ).pipe(Command.withDescription("Check the settings, the certificate and the API; exit with 1 if anything is wrong"))

const CONFIGURATION = "Configuration"

const CONFIGURATION_OK = ok(CONFIGURATION, `all ${allSettings.length} settings are in order`)

const WITHOUT_SETTINGS: ReadonlyArray<Finding> = ["Certificate", "API", "Login"].map((subject) =>
  skipped(subject, "not tried: the settings come first")
)

const LOGIN_NOT_ASKED = skipped("Login", "not tried: --login does")

const configurationProblem = ({ problems }: ConfigProblems): Finding =>
  problem(CONFIGURATION, problems.map(problemLine).join("\n"), "all settings: docs/configuration.md, or --help")

const checkServices = <E>(
  options: CheckOptions,
  settings: GatewaySettings,
  services: CheckedServices<E>
): Effect.Effect<ReadonlyArray<Finding>, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const built = yield* Effect.result(Layer.build(Layer.provide(services, Layer.succeed(GatewayConfig, settings))))
    if (Result.isFailure(built)) {
      const cause = built.failure instanceof Error ? built.failure.message : String(built.failure)
      return [problem("Start", `the gateway cannot start: ${cause}`, "correct what it names")]
    }
    return yield* Effect.gen(function* () {
      const certificate = yield* checkCertificate(settings)
      const api = yield* checkApi(settings)
      const login = options.login ? yield* checkLogin(settings, options.username) : LOGIN_NOT_ASKED
      return [...certificate, api, login]
    }).pipe(Effect.provide(built.success))
    // The findings say what the services would log.
  }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
