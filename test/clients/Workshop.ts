/** What the tests of client libraries share: certificates, files to attach, and a directory that ends with them. */
import { NodeFileSystem } from "@effect/platform-node"
import { Context, Effect, FileSystem, Layer } from "effect"
import { join } from "node:path"
import { makeAuthority } from "../kit/CertificateAuthority.ts"
import type { AttachedFile } from "./ClientTask.ts"

/** The name that clients connect to, and that the certificate is for. */
export const HOST = "localhost"

export interface TestFile extends AttachedFile {
  readonly content: Buffer
  /** What email-api-v2 takes in place of the name. */
  readonly plainName: string
}

export class Workshop extends Context.Service<
  Workshop,
  {
    /** The home of every client program. */
    readonly directory: string
    readonly tls: { readonly certificatePath: string; readonly keyPath: string }
    /** PEM file of the authority that has signed the gateway's certificate. */
    readonly ca: string
    readonly caPem: string
    /** PEM file of another one. */
    readonly strangersCa: string
    readonly pdf: TestFile
    readonly png: TestFile
    readonly docx: TestFile
    /** With letters of several languages in its name. */
    readonly named: TestFile
  }
>()("test/clients/Workshop") {}

/** Every octet there is, line ends and dots at the start of lines among them, behind what makes the type. */
const contentOf = (magic: string): Buffer =>
  Buffer.concat([
    Buffer.from(magic, "latin1"),
    Buffer.from(Array.from({ length: 256 }, (_, octet) => octet)),
    Buffer.from("\n.\n..\r\n.\r\nFrom here\r\n \t\n\n", "latin1"),
    Buffer.from(Array.from({ length: 1_500 }, (_, index) => (index * 7_919) % 251))
  ])

const DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

export const WorkshopLive: Layer.Layer<Workshop> = Layer.effect(
  Workshop,
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const directory = yield* fileSystem.makeTempDirectoryScoped({ prefix: "clients-" })
    const write = (name: string, content: string | Uint8Array) => {
      const path = join(directory, name)
      return Effect.as(fileSystem.writeFile(path, Buffer.from(content)), path)
    }
    const authority = yield* makeAuthority()
    const { chain, key } = yield* authority.issue(HOST)
    const file = Effect.fnUntraced(function* (name: string, type: string, magic: string, plainName = name) {
      const content = contentOf(magic)
      const described: TestFile = {
        path: yield* write(plainName, content),
        name,
        type,
        contentId: null,
        content,
        plainName
      }
      return described
    })
    return {
      directory,
      tls: { certificatePath: yield* write("tls.crt", chain), keyPath: yield* write("tls.key", key) },
      ca: yield* write("ca.pem", authority.root),
      caPem: authority.root,
      strangersCa: yield* write("stranger.pem", (yield* makeAuthority("Stranger")).root),
      pdf: yield* file("invoice.pdf", "application/pdf", "%PDF-1.7\n"),
      png: yield* file("logo.png", "image/png", "\x89PNG\r\n\x1a\n"),
      docx: yield* file("letter.docx", DOCX, "PK\x03\x04"),
      named: yield* file("Übersicht für Zoë.pdf", "application/pdf", "%PDF-1.7\n", "Ubersicht-fur-Zoe.pdf")
    }
  })
).pipe(Layer.provide(NodeFileSystem.layer), Layer.orDie)
