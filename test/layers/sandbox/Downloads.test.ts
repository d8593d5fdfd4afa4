import { assert, describe, it } from "@effect/vitest"
import { open, openableType, safeFileName } from "../../../src/layers/sandbox/Downloads.ts"

describe("the name of a file", () => {
  it.each<[name: string, safe: string]>([
    ["report.pdf", "report.pdf"],
    ["Übersicht Q1 (final).pdf", "Übersicht Q1 (final).pdf"],
    ["../../etc/passwd", "passwd"],
    ["..\\..\\windows\\system32\\evil.dll", "evil.dll"],
    ["/etc/passwd", "passwd"],
    ["C:\\evil.exe", "evil.exe"],
    ["a\r\nSet-Cookie: x=1", "aSet-Cookie_ x=1"],
    ['a"; filename="b.exe', "a__ filename=_b.exe"],
    ["a\0.png", "a.png"],
    ["invoice\u202egpj.exe", "invoicegpj.exe"],
    ["in\u200bvisible\u2028.txt", "invisible.txt"],
    ["<script>alert(1)</script>", "script_"],
    [".htaccess", "htaccess"],
    ["...", "attachment"],
    ["", "attachment"],
    ["   ", "attachment"],
    ["CON", "_CON"],
    ["aux.txt", "_aux.txt"],
    ["console.txt", "console.txt"],
    ["a%2f..%2fb.txt", "a_2f.._2fb.txt"],
    ["$(reboot)`id`.sh", "_(reboot)_id_.sh"],
    ["trailing dots...", "trailing dots"],
    ["\ud800lone.txt", "\ufffdlone.txt"]
  ])("%j becomes %j", (name, safe) => assert.strictEqual(safeFileName(name), safe))

  it("is shortened, and keeps its extension", () => {
    assert.strictEqual(safeFileName(`${"x".repeat(500)}.pdf`), `${"x".repeat(96)}.pdf`)
    assert.strictEqual([...safeFileName("😀".repeat(500))].length, 100)
  })
})

describe("opening an attachment", () => {
  it.each<[claimed: string, shown: string | undefined]>([
    ["image/png", "image/png"],
    ["IMAGE/JPEG", "image/jpeg"],
    ["text/csv", "text/plain; charset=utf-8"],
    ["text/calendar; method=REQUEST", "text/plain; charset=utf-8"],
    ["text/html", undefined],
    ["image/svg+xml", undefined],
    ["text/xml", undefined],
    ["application/xhtml+xml", undefined],
    ["application/pdf", undefined],
    ["application/javascript", undefined],
    ["multipart/x-mixed-replace", undefined],
    ["image/png, text/html", undefined],
    ["", undefined]
  ])("%s is shown as %s", (claimed, shown) => assert.strictEqual(openableType(claimed), shown))

  it("what cannot be shown without risk is saved", () => {
    const response = open(Buffer.from("<script>"), { fileName: "a.html", contentType: "text/html", size: 8 })
    assert.strictEqual(response.headers["content-type"], "application/octet-stream")
    assert.strictEqual(response.headers["content-disposition"], "attachment; filename*=utf-8''a.html")
  })

  it("a name cannot break out of its header", () => {
    const name = 'it\'s *a* "name"!;\r\nx: y.png'
    const response = open(Buffer.from(""), { fileName: name, contentType: "image/png", size: 0 })
    assert.match(response.headers["content-disposition"] ?? "", /^inline; filename\*=utf-8''[\w.%-]+$/)
  })
})
