/**
 * `npm run build`: JavaScript in dist/ for places that hold no sources. Effect is put together with what is used of it,
 * which starts in half the time and takes less memory than its modules one by one; the other packages stay packages
 * (docs/decisions/0033-dist-in-one-piece.md).
 */
import { defineConfig } from "rolldown"

/** What is run by its name, and what finds files by its own place: each stays where its source is. */
const PROGRAMS = [
  "programs/main",
  "programs/worker",
  "programs/health",
  "programs/supervisor",
  "layers/sandbox/PageAssets"
]

export default defineConfig({
  input: Object.fromEntries(PROGRAMS.map((name) => [name, `src/${name}.ts`])),
  platform: "node",
  external: (id) => /^[@a-z]/.test(id) && !/^(effect|@effect\/[^/]+)(\/|$)/.test(id) && !id.startsWith("src/"),
  output: {
    dir: "dist",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name]-[hash].js",
    // Stack traces in logs name functions and lines that can be read.
    minify: false,
    comments: { legal: true, annotation: false, jsdoc: false }
  }
})
