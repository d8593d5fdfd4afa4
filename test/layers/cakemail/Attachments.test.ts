import { assert, describe, it } from "@effect/vitest"
import { acceptAttachments, attachmentLabel, plainFileName } from "../../../src/layers/cakemail/Attachments.ts"
import { anAttachment, base64Text } from "../../kit/mail.ts"

const PATTERN = /^[a-zA-Z0-9-_]+\.(csv|doc|docx|ics|jpeg|pdf|png|xls|xlsx)$/

const accept = (fileName: string | undefined, contentType = "application/octet-stream") =>
  acceptAttachments([anAttachment({ fileName, contentType })]).accepted[0]

describe("acceptAttachments", () => {
  const names: ReadonlyArray<readonly [string | undefined, string, string | undefined, string?]> = [
    ["report.pdf", "application/pdf", "report.pdf", "pdf"],
    ["REPORT.PDF", "application/octet-stream", "REPORT.pdf", "pdf"],
    ["photo.jpg", "image/jpeg", "photo.jpeg", "jpeg"],
    ["photo.JPEG", "image/jpeg", "photo.jpeg", "jpeg"],
    ["a.csv", "text/csv", "a.csv", "csv"],
    ["a.doc", "application/msword", "a.doc", "doc"],
    ["a.docx", "application/zip", "a.docx", "docx"],
    ["a.xls", "application/vnd.ms-excel", "a.xls", "xls"],
    ["a.xlsx", "application/zip", "a.xlsx", "xlsx"],
    ["a.png", "image/png", "a.png", "png"],
    ["meeting.ics", "text/calendar", "meeting.ics", "calendar"],
    [undefined, "text/calendar", "invite.ics", "calendar"],
    [undefined, "application/pdf", "attachment.pdf", "pdf"],
    ["", "image/png", "attachment.png", "png"],
    ["   ", "application/pdf", "attachment.pdf", "pdf"],
    ["invoice", "application/pdf", "invoice.pdf", "pdf"],
    ["invoice 2026.01", "application/pdf", "invoice-2026-01.pdf", "pdf"],
    [".pdf", "application/pdf", "attachment.pdf", "pdf"],
    ["Übersicht Größe.pdf", "application/pdf", "Ubersicht-Grosse.pdf", "pdf"],
    ["Łódź Ærø œuvre.pdf", "application/pdf", "Lodz-AEro-oeuvre.pdf", "pdf"],
    ["文件.pdf", "application/pdf", "attachment.pdf", "pdf"],
    ["a (1) & b's.v2.pdf", "application/pdf", "a-1-b-s-v2.pdf", "pdf"],
    ["snake_case-name.pdf", "application/pdf", "snake_case-name.pdf", "pdf"],
    ["../../etc/passwd.pdf", "application/pdf", "passwd.pdf", "pdf"],
    ["C:\\temp\\a.pdf", "application/pdf", "a.pdf", "pdf"],
    ["ﬁle①.pdf", "application/pdf", "file1.pdf", "pdf"],
    ["notes.txt", "text/plain", undefined],
    ["a.exe", "application/pdf", undefined],
    ["archive.7z", "application/pdf", undefined],
    [undefined, "message/rfc822", undefined],
    ["noext", "text/plain", undefined]
  ]
  for (const [fileName, contentType, filename, type] of names) {
    it(`${fileName ?? "(no name)"} of ${contentType} becomes ${filename ?? "nothing"}`, () => {
      const accepted = accept(fileName, contentType)
      assert.strictEqual(accepted?.filename, filename)
      assert.strictEqual(accepted?.type, type)
    })
  }

  it("always fits the API's pattern", () => {
    for (let code = 0; code < 0x3000; code += 7) {
      assert.match(accept(`${String.fromCodePoint(code)}x${String.fromCodePoint(code)}.pdf`)?.filename ?? "", PATTERN)
    }
    const long = accept(`${"n".repeat(5000)}.pdf`)?.filename ?? ""
    assert.match(long, PATTERN)
    assert.isBelow(long.length, 120)
    assert.match(accept("\ud800.pdf")?.filename ?? "", PATTERN)
  })

  it("numbers duplicates, whatever their case", () => {
    const given = ["a.pdf", "A.pdf", "a-2.pdf", "a.pdf", "a.png"].map((fileName) => anAttachment({ fileName }))
    assert.deepStrictEqual(
      acceptAttachments(given).accepted.map(({ filename }) => filename),
      ["a.pdf", "A-2.pdf", "a-2-2.pdf", "a-3.pdf", "a.png"]
    )
  })

  it("keeps content and order, and tells what it leaves out", () => {
    const txt = anAttachment({ fileName: "b.txt" })
    const { accepted, unsupported } = acceptAttachments([
      anAttachment({ fileName: "a.pdf", content: "1" }),
      txt,
      anAttachment({ fileName: "c.pdf", content: "2" })
    ])
    assert.deepStrictEqual(
      accepted.map((each) => [each.filename, base64Text(each)]),
      [
        ["a.pdf", "MQ=="],
        ["c.pdf", "Mg=="]
      ]
    )
    assert.deepStrictEqual(unsupported, [txt])
  })
})

describe("plainFileName", () => {
  const names: ReadonlyArray<readonly [string | undefined, string, string]> = [
    ["Grüße 文件.tar.gz", "application/gzip", "Grüße 文件.tar.gz"],
    ["../../etc/passwd", "text/plain", "passwd"],
    ["a\r\nb\0.txt", "text/plain", "ab.txt"],
    ["..", "text/plain", "attachment"],
    ["dir/", "image/png", "attachment.png"],
    [undefined, "text/calendar", "invite.ics"],
    [undefined, "message/rfc822", "attachment"]
  ]
  for (const [fileName, contentType, expected] of names) {
    it(`${JSON.stringify(fileName)} of ${contentType} becomes ${expected}`, () => {
      assert.strictEqual(plainFileName(anAttachment({ fileName, contentType })), expected)
    })
  }
})

it("attachmentLabel falls back to the content type", () => {
  assert.strictEqual(attachmentLabel(anAttachment({ fileName: "a.b" })), "a.b")
  assert.strictEqual(attachmentLabel(anAttachment({ fileName: undefined, contentType: "text/x" })), "text/x")
})
