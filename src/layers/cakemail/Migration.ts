/** Mails that were written for another service, on their way into the API's terms. */
import { Effect } from "effect"
import { SubmissionRejected } from "../../domain/GatewayError.ts"
import type { Email } from "../../domain/Email.ts"
import { type MigrationRequest, readMigration } from "../../domain/migration/readMigration.ts"
import type { MessageToPrepare } from "../../services/CakemailClient.ts"
import type { GatewaySettings } from "../../services/GatewayConfig.ts"
import type { Controls } from "./Headers.ts"

/**
 * What the headers of another service ask for. What cannot be had is logged, or refused with
 * MIGRATION_UNSUPPORTED=reject, unless the mail was accepted before; `beyond` names what the contract cannot say of what
 * others can.
 */
export const migrationOf = Effect.fnUntraced(function* (
  { email, envelope, isReplay = false, transit }: MessageToPrepare,
  api: GatewaySettings["api"],
  beyond: (request: MigrationRequest) => ReadonlyArray<string> = () => []
) {
  const request = readMigration(email, { recipients: envelope.recipients, receivedAt: transit.receivedAt })
  const lost = [...request.lost, ...beyond(request)].join(", ")
  if (lost !== "") {
    if (api.migrationUnsupported === "reject" && !isReplay) {
      return yield* new SubmissionRejected({
        subject: "content",
        reason: `Cakemail cannot honour ${lost}`,
        status: 422
      })
    }
    yield* Effect.logWarning("migration_headers_ignored", { headers: lost })
  }
  return api.migrationMetadata === "headers" ? request : { ...request, customData: [] }
})

/** The mail as its recipient is to read it. */
export const withContent = (email: Email, { content }: MigrationRequest): Email =>
  content === undefined ? email : { ...email, ...content }

/** Cakemail's own headers have the last word. */
export const withMigration = (controls: Controls, request: MigrationRequest): Controls => ({
  ...controls,
  contentType: controls.contentType ?? request.contentType,
  tags: [...controls.tags, ...request.tags],
  trackOpens: controls.trackOpens ?? request.trackOpens,
  trackClicksHtml: controls.trackClicksHtml ?? request.trackClicksHtml,
  trackClicksText: controls.trackClicksText ?? request.trackClicksText
})
