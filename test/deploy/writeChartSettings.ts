/**
 * Writes the names of settings into the schema of the chart's values, so that Helm refuses one that does not exist:
 * `npm run chart:settings`, after a change of the table of settings.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { allSettings } from "../../src/layers/config/settings.ts"

/** Those that the chart makes from other values, and those of programs that it does not run. */
const NOT_FOR_CONFIG: ReadonlySet<string> = new Set([
  "SMTP_HOSTNAME",
  "SMTP_PORT",
  "SMTPS_PORT",
  "SMTP_EXTRA_PORTS",
  "HTTP_PORT",
  "LOG_FORMAT",
  "TLS_CERT_PATH",
  "TLS_KEY_PATH",
  "DEAD_LETTER_DIR",
  "SHUTDOWN_DELAY",
  "SHUTDOWN_TIMEOUT",
  "SANDBOX_HOST",
  "SANDBOX_PORT"
])

export const SCHEMA_PATH = "deploy/helm/smtp-gateway/values.schema.json"

export const plainSettings = allSettings
  .filter(({ name, secret }) => !secret && !NOT_FOR_CONFIG.has(name))
  .map(({ name }) => name)

export const secretSettings = allSettings.filter(({ secret }) => secret).map(({ name }) => name)

if (import.meta.main) {
  const schema = JSON.parse(readFileSync(SCHEMA_PATH, "utf8"))
  schema.properties.config.propertyNames.enum = plainSettings
  schema.properties.secret.properties.values.propertyNames.enum = secretSettings
  writeFileSync(SCHEMA_PATH, `${JSON.stringify(schema, undefined, 2)}\n`)
}
