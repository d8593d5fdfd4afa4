/** Both implementations of CakemailClient through the one contract suite. */
import { cakemailClientContract } from "../../kit/CakemailClientContract.ts"

const path = (value: unknown, ...steps: ReadonlyArray<string | number>): unknown =>
  steps.reduce<unknown>(
    (inner, step) =>
      typeof inner === "object" && inner !== null ? Object.getOwnPropertyDescriptor(inner, step)?.value : undefined,
    value
  )

cakemailClientContract({
  contract: "email-api-v2",
  loginRoute: "POST /token",
  submitRoute: "POST /v2/emails",
  scriptPreparation: (api) =>
    api.script("GET /brands/default/senders", {
      status: 200,
      body: { data: [{ id: "s1", name: "Sender", email: "sender@example.com", confirmed: true }] }
    }),
  loginAnswer: (token, expiresIn) => ({
    access_token: token,
    token_type: "bearer",
    expires_in: expiresIn,
    accounts: [1]
  }),
  loginRequest: (body) => {
    const form = new URLSearchParams(body)
    return { username: form.get("username"), password: form.get("password") }
  },
  submitAnswer: (id, status) => ({ email: "a@example.org", object: "email", submitted: true, data: { id, status } }),
  recipientOf: (payload) => payload["email"],
  subjectOf: (payload) => path(payload, "content", "subject"),
  attachmentOf: (payload) => path(payload, "attachment", 0, "content"),
  recipientComplaint: { detail: [{ loc: ["body", "email"], msg: "invalid", type: "value_error" }] }
})

cakemailClientContract({
  contract: "gateway-v1",
  loginRoute: "POST /v1/auth/validate",
  submitRoute: "POST /v1/emails",
  scriptPreparation: () => undefined,
  loginAnswer: (token, expiresIn) => ({
    api_key: token,
    account_id: 12,
    email: "user@example.com",
    expires_in: expiresIn
  }),
  loginRequest: (body) => {
    const fields: unknown = JSON.parse(body)
    return { username: path(fields, "username"), password: path(fields, "password") }
  },
  submitAnswer: (id, status) => ({ message_id: id, status, recipient: "a@example.org" }),
  recipientOf: (payload) => path(payload, "to", 0, "email"),
  subjectOf: (payload) => payload["subject"],
  attachmentOf: (payload) => path(payload, "attachments", 0, "content"),
  recipientComplaint: { error: "invalid", message: "invalid", field: "to" }
})
