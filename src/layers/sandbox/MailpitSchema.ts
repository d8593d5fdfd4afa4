/** The JSON of Mailpit's API v1, as far as it is served, and what stands beside it. */
import { Schema } from "effect"

export const AddressJson = Schema.Struct({ Name: Schema.String, Address: Schema.String }).annotate({
  identifier: "Address"
})

const addresses = {
  From: AddressJson,
  To: Schema.Array(AddressJson),
  Cc: Schema.Array(AddressJson),
  Bcc: Schema.Array(AddressJson),
  ReplyTo: Schema.Array(AddressJson)
}

export const SummaryJson = Schema.Struct({
  ID: Schema.String,
  MessageID: Schema.String,
  Read: Schema.Boolean,
  ...addresses,
  Subject: Schema.String,
  /** When the API was given it; ISO 8601. */
  Created: Schema.String,
  /** The login: the inbox that it lies in. */
  Username: Schema.String,
  Tags: Schema.Array(Schema.String),
  /** Bytes of the submission. */
  Size: Schema.Int,
  Attachments: Schema.Int,
  Snippet: Schema.String
}).annotate({ identifier: "MessageSummary" })

export const MessagesJson = Schema.Struct({
  /** Messages in the mailbox. */
  total: Schema.Int,
  unread: Schema.Int,
  tags: Schema.Array(Schema.String),
  start: Schema.Int,
  /** Messages in this answer. */
  count: Schema.Int,
  /** Messages that the answer is a page of. */
  messages_count: Schema.Int,
  messages_unread: Schema.Int,
  messages: Schema.Array(SummaryJson)
}).annotate({ identifier: "Messages" })

const AttachmentJson = Schema.Struct({
  PartID: Schema.String,
  FileName: Schema.String,
  ContentType: Schema.String,
  ContentID: Schema.String,
  Size: Schema.Int,
  Checksums: Schema.Struct({ MD5: Schema.String, SHA1: Schema.String, SHA256: Schema.String })
}).annotate({ identifier: "Attachment" })

const SubmissionJson = Schema.Struct({
  Contract: Schema.Literals(["email-api-v2", "gateway-v1"]),
  AccountID: Schema.Int,
  RequestID: Schema.String,
  Created: Schema.String,
  ListID: Schema.NullOr(Schema.Int),
  Tracking: Schema.Struct({
    opens: Schema.optionalKey(Schema.Boolean),
    clicksHtml: Schema.optionalKey(Schema.Boolean),
    clicksText: Schema.optionalKey(Schema.Boolean)
  }),
  /** The body of the call; absent with `?payload=false`. */
  Payload: Schema.optionalKey(Schema.Unknown),
  Answer: Schema.Struct({ status: Schema.Int, body: Schema.Unknown })
}).annotate({ identifier: "Submission" })

export const MessageJson = Schema.Struct({
  ID: Schema.String,
  MessageID: Schema.String,
  ...addresses,
  ReturnPath: Schema.String,
  Subject: Schema.String,
  ListUnsubscribe: Schema.Struct({
    Header: Schema.String,
    Links: Schema.Array(Schema.String),
    Errors: Schema.String,
    HeaderPost: Schema.String
  }),
  /** Of the mail itself if it says so; ISO 8601. */
  Date: Schema.String,
  Tags: Schema.Array(Schema.String),
  Username: Schema.String,
  Text: Schema.String,
  HTML: Schema.String,
  Size: Schema.Int,
  Inline: Schema.Array(AttachmentJson),
  Attachments: Schema.Array(AttachmentJson),
  /** What came over the wire, and what was answered. Not of Mailpit. */
  Submission: SubmissionJson
}).annotate({ identifier: "Message" })

export const InfoJson = Schema.Struct({
  Version: Schema.String,
  LatestVersion: Schema.String,
  Database: Schema.String,
  /** Bytes that the messages take. */
  DatabaseSize: Schema.Int,
  Messages: Schema.Int,
  Unread: Schema.Int,
  Tags: Schema.Record(Schema.String, Schema.Int),
  RuntimeStats: Schema.Record(Schema.String, Schema.Unknown)
}).annotate({ identifier: "Info" })

export const HeadersJson = Schema.Record(Schema.String, Schema.Array(Schema.String)).annotate({
  identifier: "Headers"
})
