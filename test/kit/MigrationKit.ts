/** What becomes of the headers of other services. */
import { type MigrationRequest, NO_MIGRATION, readMigration } from "../../src/domain/migration/readMigration.ts"

export type HeaderPair = readonly [name: string, value: string]

export interface MailOptions {
  readonly recipients?: ReadonlyArray<string>
  readonly text?: string
  readonly html?: string
  readonly subject?: string
}

/** When the mail is received. */
export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)

/** The request that the headers make. */
export const requestOf = (
  headers: ReadonlyArray<HeaderPair>,
  { html, recipients = ["to@example.com"], subject = "", text }: MailOptions = {}
): MigrationRequest =>
  readMigration(
    { headers: headers.map(([name, value]) => ({ name, value })), subject, text, html },
    { recipients, receivedAt: NOW }
  )

/** `NO_MIGRATION` with what a test is about. */
export const aRequest = (given: Partial<MigrationRequest> = {}): MigrationRequest => ({ ...NO_MIGRATION, ...given })
