import type { CapturedMessage } from "../../../src/services/SandboxMessages.ts"

/** A message as if captured, for tests that need no server. */
export const capturedMessage = (changes: Partial<CapturedMessage> = {}): CapturedMessage => ({
  id: "id-1",
  contract: "email-api-v2",
  username: "demo@example.com",
  accountId: 1,
  requestId: "r-1",
  receivedAt: 0,
  messageId: undefined,
  sender: { address: "sender@example.com", name: "" },
  recipient: { address: "recipient@example.net", name: "" },
  subject: "Hello",
  text: undefined,
  html: undefined,
  headers: [],
  attachments: [],
  tags: [],
  tracking: {},
  listId: undefined,
  body: new Uint8Array(),
  payload: {},
  answer: { status: 201, body: {} },
  attachmentContents: () => [],
  attachmentBase64: () => undefined,
  ...changes
})
