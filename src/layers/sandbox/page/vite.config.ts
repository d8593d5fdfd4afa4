/** Builds the page of the inbox into dist/page: one script, one style sheet, nothing from elsewhere. */
import { defineConfig } from "vite"

export default defineConfig({
  base: "/",
  build: {
    outDir: "../../../../dist/page",
    emptyOutDir: true,
    target: "es2022",
    // light-dark() as it is: what stands in for it in older browsers doubles the colours.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // A data: URL would be one more thing for the page's policy to allow.
    assetsInlineLimit: 0,
    modulePreload: false,
    rollupOptions: { input: "inbox.html" }
  }
})
